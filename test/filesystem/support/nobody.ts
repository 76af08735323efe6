import { setImmediate } from 'node:timers/promises';
import { loadPosix } from '../../../src/filesystem/posix.ts';

/** The user that Debian and others give no rights. */
export const nobody = 65_534;

/**
 * Runs `work` with no more rights than a user has who is not root. This process's own rights, not those of a child: what
 * a test holds in memory is there too. Needs root.
 */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  // Bound while libraries can still be read, wherever they lie.
  await loadPosix();
  process.setegid?.(nobody);
  process.seteuid?.(nobody);
  try {
    return await work();
  } finally {
    await setImmediate();
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}
