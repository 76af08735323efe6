import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sshd } from './servers/sshd.ts';

/** Options of target `ssh` for a server of a test. */
export function sshTargetAt(sshd: Sshd, port = sshd.port): Record<string, unknown> {
  return {
    host: `${sshd.user}@127.0.0.1`,
    port,
    identityFile: join(sshd.folder, 'user'),
    hostKey: sshd.hostKey,
    folder: join(sshd.data, 'apps'),
  };
}

/** All files that are in the home of the user there, but for what Node itself may keep. */
export async function filesThere(sshd: Sshd): Promise<string[]> {
  const entries = await readdir(sshd.data, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}
