import { RelocateError } from '../../src/errors.ts';
import type { HostOutput } from '../../src/hosts/host.ts';
import { dataFolder, machineUser } from '../cloud-init.ts';
import type { Access, DeployRequest } from '../target.ts';
import { shorten } from './names.ts';

/** A deployment has the machine for itself; this far from what systems use, and below ports of outgoing connections. */
const firstPort = 20_000;

/** The host that every machine of a stack comes down to. */
export function hostOutput(request: DeployRequest, address: string): HostOutput {
  return {
    name: shorten(request.deployment),
    address,
    transport: {
      kind: 'ssh',
      user: machineUser,
      port: 22,
      hostKey: accessOf(request).hostKey.publicKey,
    },
    folder: request.folder,
    ports: portsOf(request),
  };
}

/** Each service and each database has a port of its own, the same whenever it is asked. */
function portsOf({ services, databases }: DeployRequest): Record<string, number> {
  const names = [...new Set([...(services?.names ?? []), ...databases.map(({ name }) => name)])];
  return Object.fromEntries(names.map((name, index) => [name, firstPort + index]));
}

export function folderOnMachine(_options: unknown, deployment: string): string {
  return `${dataFolder}/${deployment}`;
}

/** Nothing is brought up that nobody could log in to. */
export function accessOf({ access }: DeployRequest): Access {
  if (access !== undefined && access.authorizedKeys.length > 0) return access;
  throw new RelocateError('internal', 'A machine was to be made without keys to reach it by');
}

/** The key that the provider is told of: the deployment's own, which is the first. */
export function firstKeyOf(request: DeployRequest): string {
  const [key] = accessOf(request).authorizedKeys;
  if (key === undefined) throw new RelocateError('internal', 'A machine was to be made without a key');
  return key;
}
