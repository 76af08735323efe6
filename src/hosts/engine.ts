import type { Runner } from './compose.ts';

/**
 * Starts Docker's engine on a machine where it is installed and switched off, now and after each restart. Says nothing
 * where it can't: whoever needs the engine is told by `findComposeObstacle`.
 */
export async function wakeEngine(host: Runner, signal: AbortSignal): Promise<void> {
  const version = ['docker', 'version', '--format', '{{.Server.Version}}'];
  const { exitCode } = await host.run(version, { timeoutMs: 30_000, signal });
  // 127: it is not installed.
  if (exitCode === 0 || exitCode === 127) return;
  await host.run(['systemctl', 'enable', '--now', 'docker.service'], { timeoutMs: 120_000, signal });
}
