import { join } from 'node:path';
import type { HostOutput } from '../src/hosts/host.ts';
import { removeFolder } from '../src/hosts/claimed-folder.ts';
import { portLeases, releasePorts } from '../src/hosts/leases.ts';
import { localOptions, type LocalOptions } from './local/options.ts';
import { preflightLocal } from './local/preflight.ts';
import type { DeployRequest, Target } from './target.ts';

/** This machine: a folder, and ports that no other deployment has. Nothing is billed. */
export const local: Target<LocalOptions> = {
  name: 'local',
  summary: 'this machine, beside whatever runs on it',
  options: localOptions,
  isThisMachine: true,
  plugins: { relocate: new URL(`./local/provider-main${import.meta.url.slice(-3)}`, import.meta.url) },
  folderFor: (options, deployment) =>
    options.folder === undefined ? undefined : join(options.folder, deployment),
  preflight: preflightLocal,
  program,
  async sweep(_options, request) {
    await releasePorts(portLeases(), { folder: request.folder });
    await removeFolder(request.folder, request.deployment);
  },
};

async function program(
  options: LocalOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const { all, secret } = await import('@pulumi/pulumi');
  const { Folder, Port } = await import('./local/resources.ts');
  const server = options.postgres?.server;
  const databases = request.databases.map((database) => database.name);
  const listeners = [...(request.services?.names ?? []), ...(server === undefined ? databases : [])];

  return async () => {
    const folder = new Folder('folder', { path: request.folder, deployment: request.deployment });
    const leased = listeners.map((name) => {
      const inputs = { leases: portLeases(), folder: request.folder, name, ...options.portRange };
      const port = new Port(`port-${name}`, inputs, { dependsOn: [folder] });
      return port.port.apply((number) => [name, number] as const);
    });
    const host = all(leased).apply((ports): HostOutput => ({
      name: 'local',
      address: '127.0.0.1',
      transport: { kind: 'local' },
      folder: request.folder,
      ports: Object.fromEntries(ports),
    }));
    return {
      hosts: [host],
      ...(server === undefined
        ? {}
        : { databaseServers: secret(Object.fromEntries(databases.map((name) => [name, server]))) }),
    };
  };
}
