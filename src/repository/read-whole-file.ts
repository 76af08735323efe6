import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { systemCodeOf } from '../errors.ts';
import type { ExpectedFile } from './blob-tasks.ts';

/** What tells a file from another one and from itself at another time. `mtimeNs` counts from 1970. */
export function stateOf(file: { inode: bigint; sizeBytes: number; mtimeNs: bigint }): string {
  return `${file.inode} ${file.sizeBytes} ${file.mtimeNs}`;
}

const oneMore = Buffer.alloc(1);

/**
 * Fills `to` with a file, which has just that length, and says whether it was, before and after, what it is expected to
 * be. What is wrong with one that was not is not said: whoever asked reads it again in a way that finds out.
 */
export function readWholeFile({ path, state }: ExpectedFile, to: Buffer): boolean {
  let file: number | undefined;
  try {
    // Neither through a symlink, nor waiting for a FIFO that took the file’s place.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    file = openSync(Buffer.from(path, 'latin1'), flags);
    for (let done = 0; done < to.length;) {
      const bytes = readSync(file, to, done, to.length - done, null);
      if (bytes === 0) return false;
      done += bytes;
    }
    const { ino, size, mtimeNs, mode } = fstatSync(file, { bigint: true });
    const isFile = (Number(mode) & constants.S_IFMT) === constants.S_IFREG;
    const now = stateOf({ inode: ino, sizeBytes: Number(size), mtimeNs });
    return isFile && now === state && readSync(file, oneMore, 0, 1, null) === 0;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
