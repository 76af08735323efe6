import { hash } from 'node:crypto';
import { closeSync, constants, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { systemCodeOf } from '../errors.ts';
import { applyToOpenFile, type Complaint, type Metadata } from './metadata.ts';
import { joinPath } from './paths.ts';
import type { Posix } from './posix.ts';

/** Zeros are left out in units of this size, the usual one of file systems: they become holes. */
const blockBytes = 4096;
const zeros = Buffer.alloc(blockBytes);

export const temporaryPrefix = '.relocate-';

/** Where a file comes to lie, and where it is until it is whole. */
export interface FilePlace {
  path: Buffer;
  temporary: Buffer;
}

/**
 * A name for the file while it is being written. It depends on the final name alone, so that the next run after a kill
 * takes it over instead of leaving litter; `taken` holds the names that belong to the folder itself.
 */
export function temporaryPath(folder: Buffer, name: Buffer, taken: (name: string) => boolean): Buffer {
  let temporary = `${temporaryPrefix}${hash('sha256', name).slice(0, 16)}`;
  while (taken(temporary)) temporary += '~';
  return joinPath(folder, Buffer.from(temporary));
}

export interface FinishedFile {
  sizeBytes: number | undefined;
  metadata: Metadata;
  complain: Complaint;
}

const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
const newFile = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW;

/** A new and empty file, opened; what an earlier run left there is removed, never written into. */
export function createTemporary(temporary: Buffer): number {
  try {
    return openSync(temporary, newFile, 0o600);
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
    rmSync(temporary, { force: true });
    return openSync(temporary, newFile, 0o600);
  }
}

/** One that was created before. */
export function openTemporary(temporary: Buffer): number {
  return openSync(temporary, O_WRONLY | O_NOFOLLOW);
}

/**
 * Gives an open temporary file its length, if it may end in a hole, and its metadata; closes it, and gives it its name:
 * under its name the file is whole or not there. Returns false where its owner stayed another.
 */
export function finishFile(
  posix: Posix,
  descriptor: number,
  { path, temporary }: FilePlace,
  { sizeBytes, metadata, complain }: FinishedFile,
): boolean {
  let owned;
  try {
    if (sizeBytes !== undefined) ftruncateSync(descriptor, sizeBytes);
    owned = applyToOpenFile(posix, descriptor, temporary, metadata, complain);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
  return owned;
}

/** Writes what is not zero; blocks are those of the file, not of the part. Returns whether it ends in a hole. */
export function writeSparse(descriptor: number, part: Buffer, position: number): boolean {
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
  return start === part.length;
}

function isZero(part: Buffer, start: number, end: number): boolean {
  return part[start] === 0 && part.compare(zeros, 0, end - start, start, end) === 0;
}

function writeAll(descriptor: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}
