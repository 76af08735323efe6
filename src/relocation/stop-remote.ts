import type { Emit } from '../events.ts';
import { startAgent } from '../hosts/agent/start.ts';
import type { HostOutput } from '../hosts/host.ts';
import { sshHost } from '../hosts/ssh/host.ts';
import type { Plan } from './types.ts';

/**
 * Stops what the deployment runs on a host that stays when the deployment goes. A machine that the stack made goes with
 * it: nothing is asked of it. Throws `host-failed`.
 */
export async function stopOnHost(
  host: HostOutput,
  plan: Plan,
  { emit, signal }: { emit: Emit; signal: AbortSignal },
): Promise<void> {
  if (host.transport.kind !== 'ssh' || host.transport.own === undefined) return;
  const connection = sshHost(host, { emit });
  try {
    const agent = await startAgent(connection, { emit, signal });
    await agent.call('stop', { plan }, { signal }).finally(() => agent.close());
  } finally {
    await connection.close();
  }
}
