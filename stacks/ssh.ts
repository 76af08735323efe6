import { posix } from 'node:path';
import type { HostOutput } from '../src/hosts/host.ts';
import { askedOf } from '../src/hosts/ssh/host.ts';
import { hostFailures } from '../src/hosts/ssh/trouble.ts';
import { sshSettingsOf } from '../src/ssh/settings.ts';
import { sshOptions, type SshOptions } from './ssh/options.ts';
import { preflightSsh } from './ssh/preflight.ts';
import { portsSchema, transportOf, unclaimOn } from './ssh/reach.ts';
import type { DeployRequest, Target } from './target.ts';

/** Any Linux host that the user can log in to: a folder and ports there. Nothing is made or billed. */
export const ssh: Target<SshOptions> = {
  name: 'ssh',
  summary: 'any Linux host with a key, e.g. ssh:ops@203.0.113.7',
  options: sshOptions,
  optionsOf: (text) => ({ host: text }),
  plugins: { relocate: new URL(`./ssh/provider-main${import.meta.url.slice(-3)}`, import.meta.url) },
  folderFor: (options, deployment) => posix.join(options.folder ?? usualFolder(options), deployment),
  preflight: preflightSsh,
  program,
  async sweep(options: SshOptions | undefined, { folder, deployment }, signal) {
    // Without options nobody knows which host it was, but the stack's state, and that was asked before.
    if (options === undefined) return;
    await unclaimOn(transportOf(options), { folder, deployment }, signal);
  },
};

/** Root has a place of its own for what is served; others have none but their home. */
function usualFolder({ user }: SshOptions): string {
  return user === undefined || user === 'root' ? '/srv/relocate' : `/home/${user}/relocate`;
}

async function program(
  options: SshOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const { Claim } = await import('./ssh/resources.ts');
  const names = [...(request.services?.names ?? []), ...request.databases.map(({ name }) => name)];
  return async () => {
    const reached = transportOf(options);
    const { hostName, port, user } = await sshSettingsOf(askedOf(reached, undefined), hostFailures);
    const { folder, deployment } = request;
    const claim = new Claim('claim', {
      host: JSON.stringify(reached),
      folder,
      deployment,
      names: names.join(' '),
      ...options.portRange,
    });
    const transport = { ...reached.transport, user, port };
    const host = claim.ports.apply((ports): HostOutput => ({
      name: 'ssh',
      address: hostName,
      transport,
      folder,
      ports: portsSchema.parse(JSON.parse(ports)),
    }));
    return { hosts: [host] };
  };
}
