import { lstat, mkdir, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RelocateError } from '../errors.ts';
import { isInside } from './environment.ts';

/**
 * Makes the folder that a destination lies in. Throws `snapshot-hostile` where a symlink, such as one that came with the
 * restored code, would lead the restore out of the host's folder.
 */
export async function prepareDestination(hostFolder: string, path: string): Promise<void> {
  if (!isInside(path, hostFolder)) throw leadsOut(path);
  const real = await realpath(hostFolder);
  await assertInside(dirname(path), hostFolder, real);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSymbolicLink() === true) throw leadsOut(path);
}

/** The deepest folder that is there already decides: what is made below it is no symlink. */
async function assertInside(folder: string, hostFolder: string, real: string): Promise<void> {
  const found = await realpath(folder).catch(() => undefined);
  if (found === undefined && folder !== hostFolder) {
    // A dangling symlink has no real path either, and `mkdir` would stop at it.
    const entry = await lstat(folder).catch(() => undefined);
    if (entry?.isSymbolicLink() === true) throw leadsOut(folder);
    await assertInside(dirname(folder), hostFolder, real);
  } else if (found === undefined || !isInside(found, real)) {
    throw leadsOut(folder);
  }
}

function leadsOut(path: string): RelocateError {
  return new RelocateError(
    'snapshot-hostile',
    `Restoring to ${path} would write outside of the deployment’s folder.`,
    {
      facts: { path },
      hint: 'A symlink in the snapshot’s code leads out. Nothing was written there. Its files can be had with: relocate restore',
    },
  );
}
