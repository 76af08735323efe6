import { idOf } from './crypto.ts';
import type { Sealer } from './seal-blob.ts';
import type { Id } from './types.ts';

/** A sealed blob in memory that was loaded from a pack, and what is to be done with what is in it. */
export interface LoadedBlob {
  id: Id;
  /** Where it begins in the memory, and its sealed length, in bytes. */
  at: number;
  length: number;
  /** 0 for one that is stored uncompressed. */
  uncompressedLength: number;
  works: readonly unknown[];
}

/** What becomes of a blob once it is open; the bytes are good until it returns. */
export type Consume<Work, Result> = (plaintext: Buffer, work: Work) => Result;

/** For each work of a blob its result; undefined where the bytes are not the blob, and nothing was done. */
export type OpenedBlob = unknown[] | undefined;

/** Opens one after the other, proves each by its digest, and hands it over once for each of its works. */
export function openBlobs(
  sealer: Sealer,
  bytes: Buffer,
  blobs: readonly LoadedBlob[],
  consume: Consume<unknown, unknown>,
): OpenedBlob[] {
  return blobs.map(({ id, at, length, uncompressedLength, works }) => {
    const plaintext = sealer.openInPlace(bytes.subarray(at, at + length), uncompressedLength);
    if (plaintext === undefined || idOf(plaintext) !== id) return undefined;
    return works.map((work) => consume(plaintext, work));
  });
}
