import { RelocateError } from '../src/errors.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { digitalocean } from './digitalocean.ts';
import { gcp } from './gcp.ts';
import { hetzner } from './hetzner.ts';
import { linode } from './linode.ts';
import { local } from './local.ts';
import { ovh } from './ovh.ts';
import { scaleway } from './scaleway.ts';
import { ssh } from './ssh.ts';
import type { Target } from './target.ts';
import { vultr } from './vultr.ts';

/** Every target there is, in the order help shows them. Provider SDKs are loaded by `program` only. */
export const targets: readonly Target[] = [
  hetzner,
  digitalocean,
  aws,
  gcp,
  azure,
  ovh,
  scaleway,
  vultr,
  linode,
  ssh,
  local,
];

/** Throws `usage` for a name that no target has. */
export function targetOf(name: string): Target {
  const target = targets.find((candidate) => candidate.name === name);
  if (target === undefined) {
    throw new RelocateError('usage', `There is no target named ${name}`, {
      facts: { name },
      hint: `Targets are: ${targets.map((known) => known.name).join(', ')}.`,
    });
  }
  return target;
}
