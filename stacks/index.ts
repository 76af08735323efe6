import { RelocateError } from '../src/errors.ts';
import { hetzner } from './hetzner.ts';
import { local } from './local.ts';
import type { Target } from './target.ts';

/** Every target there is, in the order help shows them. Provider SDKs are loaded by `program` only. */
export const targets: readonly Target[] = [hetzner, local];

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
