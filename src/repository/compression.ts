import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { RelocateError } from '../errors.ts';

/** No blob or document is larger than this; what claims to be is an attack on memory, not data. */
export const maxPlainBytes = 256 * 1024 * 1024;

/** One zstd frame, as restic writes for each blob. */
export function compress(plaintext: Uint8Array): Buffer {
  return zstdCompressSync(plaintext, {
    params: { [constants.ZSTD_c_compressionLevel]: 3 },
    pledgedSrcSize: plaintext.length,
  });
}

/** Throws `repository-damaged` when there is more than `maxBytes` in it, or it is no zstd. */
export function decompress(compressed: Uint8Array, maxBytes = maxPlainBytes): Buffer {
  try {
    // Node takes 0 for "no limit", and an empty frame must stay within any.
    return zstdDecompressSync(compressed, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (cause) {
    throw new RelocateError('repository-damaged', 'A compressed part of the repository cannot be unpacked.', {
      facts: { maxBytes },
      cause,
    });
  }
}
