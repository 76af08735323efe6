import type { ExposedPort } from '../../stacks/target.ts';
import type { HostOutput } from '../hosts/host.ts';
import { connectOnce } from './checks.ts';
import type { CheckOutcome } from './types.ts';

const patienceMs = 3_000;

/**
 * Whether the world reaches a machine that a stack made, asked from here: checks on the host itself go past its
 * firewall. No answer is no proof that the app is down, and none that it is back. None for hosts of the user's own,
 * whose ways in are his.
 */
export async function checkOutside(
  { address, transport }: Pick<HostOutput, 'address' | 'transport'>,
  exposed: readonly ExposedPort[],
  signal: AbortSignal,
): Promise<CheckOutcome[]> {
  const ports = exposed.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port);
  if (transport.kind !== 'ssh' || transport.own !== undefined || ports.length === 0) return [];
  const startedAt = performance.now();
  const open = await Promise.all(ports.map((port) => doesAnswer(address, port, signal)));
  const answering = ports.filter((_, index) => open[index]);
  return [
    {
      title: 'the world reaches it',
      outcome: answering.length > 0 ? 'passed' : 'unverified',
      detail:
        answering.length > 0
          ? `${address} answers on port ${answering.join(', ')}`
          : `nothing answers on port ${ports.join(', ')} of ${address}: no front door leads to the services there`,
      durationMs: Math.round(performance.now() - startedAt),
    },
  ];
}

async function doesAnswer(address: string, port: number, signal: AbortSignal): Promise<boolean> {
  try {
    await connectOnce(address, port, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]));
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
