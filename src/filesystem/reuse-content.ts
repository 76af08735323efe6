import { hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { isSystemError } from './system-error.ts';
import { writeSparse } from './write-file.ts';

/** A blob of a file: `position` and `length` in bytes. */
export interface FilePart {
  id: string;
  position: number;
  length: number;
}

/**
 * Copies into a new file what an older one of its name has right already, proven by its digest, and gives the parts that
 * must be fetched. A large file of which little changed, such as a database, costs little to bring back this way.
 */
export async function reuseContent(
  older: Buffer,
  descriptor: number,
  parts: readonly FilePart[],
): Promise<FilePart[]> {
  const source = openOlder(older);
  if (source === undefined) return [...parts];
  try {
    const missing: FilePart[] = [];
    for (const part of parts) {
      const bytes = Buffer.allocUnsafe(part.length);
      if (readFully(source, bytes, part.position) && hash('sha256', bytes) === part.id)
        writeSparse(descriptor, bytes, part.position);
      else missing.push(part);
      // A part takes some milliseconds: others may want to do something.
      await setImmediate();
    }
    return missing;
  } finally {
    closeSync(source);
  }
}

/** What cannot be read is of no use, and no trouble either: it is replaced. */
function openOlder(path: Buffer): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return undefined;
  }
}

function readFully(descriptor: number, bytes: Buffer, position: number): boolean {
  try {
    for (let done = 0; done < bytes.length;) {
      const read = readSync(descriptor, bytes, done, bytes.length - done, position + done);
      if (read === 0) return false;
      done += read;
    }
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}
