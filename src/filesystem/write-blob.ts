import { closeSync, rmSync } from 'node:fs';
import type { Metadata } from './metadata.ts';
import { fromRaw, type RawText } from './paths.ts';
import { loadPosix } from './posix.ts';
import { isSystemError } from './system-error.ts';
import { createTemporary, finishFile, openTemporary, writeSparse } from './write-file.ts';

/** What is to be done with a blob, in the thread that opened it: a whole small file, or its part of a large one. */
export type FileWork =
  | { kind: 'file'; path: RawText; temporary: RawText; metadata: Metadata }
  | {
      kind: 'part';
      /** It is there, and is finished by who ordered this. */
      temporary: RawText;
      position: number;
      /** That the blob must have for the positions to be right. */
      length: number;
    };

/** Bytes written, where nothing is to be said. */
export type FileWritten = number | { sizeBytes: number; owned: boolean; complaints: string[] };
/** An error of the system, which is made anew from this on the other side. */
export interface FileFailed {
  error: { message: string; code: string | undefined; syscall: string | undefined };
}

const posix = await loadPosix();

export function consume(plaintext: Buffer, work: FileWork): FileWritten | FileFailed {
  try {
    return work.kind === 'file' ? writeFile(plaintext, work) : writePart(plaintext, work);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const { message, code, syscall } = error;
    return { error: { message, code, syscall } };
  }
}

function writeFile(plaintext: Buffer, work: FileWork & { kind: 'file' }): FileWritten {
  const place = { path: fromRaw(work.path), temporary: fromRaw(work.temporary) };
  const complaints: string[] = [];
  const complain = (reason: string) => void complaints.push(reason);
  const descriptor = createTemporary(place.temporary);
  try {
    let endsInHole;
    try {
      endsInHole = writeSparse(descriptor, plaintext, 0);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    const sizeBytes = plaintext.length;
    const owned = finishFile(posix, descriptor, place, {
      sizeBytes: endsInHole ? sizeBytes : undefined,
      metadata: work.metadata,
      complain,
    });
    return owned && complaints.length === 0 ? sizeBytes : { sizeBytes, owned, complaints };
  } catch (error) {
    rmSync(place.temporary, { force: true });
    throw error;
  }
}

function writePart(plaintext: Buffer, { temporary, position, length }: FileWork & { kind: 'part' }): number {
  if (plaintext.length !== length) throw wrongLength();
  const descriptor = openTemporary(fromRaw(temporary));
  try {
    writeSparse(descriptor, plaintext, position);
  } finally {
    closeSync(descriptor);
  }
  return length;
}

/** The blob is what its ID says, and the index tells its length wrongly: only an enemy writes such. */
function wrongLength(): Error {
  return Object.assign(new Error('the index says another length of its content'), {
    code: 'EBADMSG',
    syscall: 'read',
  });
}
