import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { RelocateError } from '../errors.ts';

/** No blob or document is larger than this; what claims to be is an attack on memory, not data. */
export const maxPlainBytes = 256 * 1024 * 1024;

/** How much trouble is taken to make blobs small; documents are always compressed the usual way. */
export const compressions = ['auto', 'max', 'off'] as const;
export type Compression = (typeof compressions)[number];

/**
 * zstd's levels. Blobs by level 2 take within 3 % of the room that restic's default takes, in two thirds of the time that
 * level 3 takes; by level 1, some dumps of databases grow by an eighth.
 */
const levels = { auto: 2, max: 15 } as const;
const documentLevel = 3;

/** Undefined where the blob is stored as it is. */
export function levelFor(compression: Compression, sizeBytes: number): number | undefined {
  return compression === 'off' || sizeBytes < 2 ? undefined : levels[compression];
}

/** One zstd frame, as restic writes for each blob. */
export function compress(plaintext: Uint8Array, level: number = documentLevel): Buffer {
  return zstdCompressSync(plaintext, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
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

/** The plaintext's length as the header of a frame states it (RFC 8878, 3.1.1.1); undefined where it states none. */
export function statedBytes(frame: Uint8Array): number | undefined {
  const header = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  if (header.length < 14 || header.readUInt32LE(0) !== 0xfd2fb528) return undefined;
  const descriptor = header[4] ?? 0;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes;
  if (at + 8 > header.length) return undefined;
  switch (descriptor >> 6) {
    case 0:
      return isSingleSegment ? header[at] : undefined;
    case 1:
      return header.readUInt16LE(at) + 256;
    case 2:
      return header.readUInt32LE(at);
    default:
      return Number(header.readBigUInt64LE(at));
  }
}
