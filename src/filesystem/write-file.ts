import { createHash } from 'node:crypto';
import { closeSync, constants, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Node } from '../repository/tree.ts';
import type { Repository } from '../repository/repository.ts';
import { joinPath } from './paths.ts';

/** Zeros are left out in units of this size, the usual one of file systems: they become holes. */
const blockBytes = 4096;
const zeros = Buffer.alloc(blockBytes);

const temporaryPrefix = '.relocate-';

/**
 * A name for the file while it is being written. It depends on the final name alone, so that the next run after a kill
 * takes it over instead of leaving litter; `taken` holds the names that belong to the folder itself.
 */
export function temporaryPath(folder: Buffer, name: Buffer, taken: (name: string) => boolean): Buffer {
  let temporary = `${temporaryPrefix}${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
  while (taken(temporary)) temporary += '~';
  return joinPath(folder, Buffer.from(temporary));
}

/**
 * Writes content to a temporary file, lets `finish` set its metadata there, then gives it its name: under its name the
 * file is whole or not there. Returns the bytes written, holes included.
 */
export async function writeFile(
  repository: Pick<Repository, 'readContent'>,
  node: Node,
  paths: { temporary: Buffer; final: Buffer },
  { signal, onBytes, finish }: { signal: AbortSignal; onBytes: (bytes: number) => void; finish: () => void },
): Promise<number> {
  rmSync(paths.temporary, { force: true });
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
  const descriptor = openSync(paths.temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
  try {
    let sizeBytes = 0;
    try {
      for await (const part of repository.readContent(node.content ?? [], signal)) {
        writeSparse(descriptor, part, sizeBytes);
        sizeBytes += part.length;
        onBytes(part.length);
      }
      ftruncateSync(descriptor, sizeBytes);
    } finally {
      closeSync(descriptor);
    }
    finish();
    renameSync(paths.temporary, paths.final);
    return sizeBytes;
  } catch (error) {
    rmSync(paths.temporary, { force: true });
    throw error;
  }
}

/** Writes what is not zero; blocks are those of the file, not of the part. */
function writeSparse(descriptor: number, part: Buffer, position: number): void {
  let start = 0;
  for (let at = 0; at < part.length;) {
    const end = Math.min(part.length, at + blockBytes - ((position + at) % blockBytes));
    if (isZero(part, at, end)) {
      writeAll(descriptor, part.subarray(start, at), position + start);
      start = end;
    }
    at = end;
  }
  writeAll(descriptor, part.subarray(start), position + start);
}

function isZero(part: Buffer, start: number, end: number): boolean {
  return part[start] === 0 && part.compare(zeros, 0, end - start, start, end) === 0;
}

function writeAll(descriptor: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}
