import { RelocateError } from '../errors.ts';
import { compress, decompress } from './compression.ts';
import { idOf, open, seal, type MasterKey } from './crypto.ts';
import type { Id } from './types.ts';

/** A blob as it goes into a pack. */
export interface SealedBlob {
  sealed: Buffer<ArrayBuffer>;
  /** 0 when it is stored uncompressed. */
  uncompressedLength: number;
}

/**
 * Compresses where that helps, seals, and proves the result: what would be stored is opened again and must have the
 * blob's digest. A flipped bit in memory is found here, while the original can still be read.
 */
export function sealBlob(key: MasterKey, id: Id, plaintext: Uint8Array, mayCompress: boolean): SealedBlob {
  const compressed = mayCompress && plaintext.length > 0 ? compress(plaintext) : undefined;
  const isSmaller = compressed !== undefined && compressed.length < plaintext.length;
  const sealed = seal(key, isSmaller ? compressed : plaintext);
  const uncompressedLength = isSmaller ? plaintext.length : 0;
  const opened = openBlob(key, sealed, uncompressedLength);
  if (opened === undefined || idOf(opened) !== id) {
    throw new RelocateError('internal', `Blob ${id.slice(0, 8)} changed while it was being sealed.`, {
      hint: 'Nothing wrong was stored. This machine’s memory may be faulty: test it, then run the command again.',
    });
  }
  return { sealed, uncompressedLength };
}

/** The plaintext, or undefined where the bytes are not what was sealed. The caller compares the digest. */
export function openBlob(key: MasterKey, sealed: Uint8Array, uncompressedLength: number): Buffer | undefined {
  const stored = open(key, sealed);
  if (stored === undefined || uncompressedLength === 0) return stored;
  try {
    const plaintext = decompress(stored, uncompressedLength);
    return plaintext.length === uncompressedLength ? plaintext : undefined;
  } catch {
    return undefined;
  }
}
