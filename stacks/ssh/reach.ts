import { z } from 'zod';
import type { HostOutput, SshTransport } from '../../src/hosts/host.ts';
import { startAgent } from '../../src/hosts/agent/start.ts';
import { uninstallScript } from '../../src/hosts/agent/install.ts';
import { sshHost, type SshHost } from '../../src/hosts/ssh/host.ts';
import { silent } from '../../src/events.ts';
import type { SshOptions } from './options.ts';

/** By who listens there. */
export const portsSchema = z.record(z.string(), z.number().int());

/** Enough to log in to a host. Serialisable, without secrets. */
export interface Reached {
  name: string;
  address: string;
  transport: SshTransport;
}

/** Pure. User and port are those of the options, and 22 and nobody where the user's SSH settings have the word. */
export function transportOf({ host, user, port, hostKey, identityFile, jump }: SshOptions): Reached {
  return {
    name: 'ssh',
    address: host,
    transport: { kind: 'ssh', user, port, hostKey, own: { host, identityFile, jump } },
  };
}

export interface Claimed {
  folder: string;
  deployment: string;
}

/** Makes the folder on the host and leases a port for each name. What is there already stays. */
export async function claimOn(
  reached: Reached,
  wanted: Claimed & { names: string[]; from: number; to: number },
): Promise<Record<string, number>> {
  return onHost(reached, async (host, signal) => {
    const agent = await startAgent(host, { emit: silent, signal });
    try {
      return portsSchema.parse((await agent.call('claim', wanted, { signal })).result);
    } finally {
      agent.close();
    }
  });
}

export async function isClaimedOn(reached: Reached, { folder, deployment }: Claimed): Promise<boolean> {
  return onHost(reached, async (host, signal) => {
    const { exitCode, stdout } = await host.run(['cat', `${folder}/.relocate-deployment`], { signal });
    return exitCode === 0 && stdout.trim() === deployment;
  });
}

/** Removes folder and leases; with the last deployment on the host, relocate's own files there too. */
export async function unclaimOn(
  reached: Reached,
  { folder, deployment }: Claimed,
  signal?: AbortSignal,
): Promise<void> {
  await onHost(
    reached,
    async (host, signal) => {
      const agent = await startAgent(host, { emit: silent, signal });
      const { result } = await agent
        .call('unclaim', { folder, deployment }, { signal })
        .finally(() => agent.close());
      if (result === 'last') await host.run(uninstallScript(), { signal });
    },
    signal,
  );
}

async function onHost<T>(
  { name, address, transport }: Reached,
  work: (host: SshHost, signal: AbortSignal) => Promise<T>,
  signal = new AbortController().signal,
): Promise<T> {
  const output: HostOutput = { name, address, transport, folder: '/', ports: {} };
  const host = sshHost(output);
  try {
    return await work(host, signal);
  } finally {
    await host.close();
  }
}
