import { RelocateError } from '../errors.ts';
import { open, seal, sealBytes, type MasterKey } from './crypto.ts';
import type { BlobType, Id } from './types.ts';

/**
 * Pack files: sealed blobs one after the other, then a sealed header that lists them, then the header's length. The
 * header repeats what the index knows, so that a lost index can be made again.
 */
export interface PackedBlob {
  id: Id;
  type: BlobType;
  /** Where it starts in the pack, and its sealed length, in bytes. */
  offset: number;
  length: number;
  /** Plaintext length of a compressed blob; 0 for one that is stored as it is. */
  uncompressedLength: number;
}

export const packTargetBytes = 16 * 1024 * 1024;
const maxHeaderBytes = 16 * 1024 * 1024;
/** Nobody makes larger ones: restic's largest target is 128 MiB, and one blob may pass it. */
export const maxPackBytes = 512 * 1024 * 1024;
const plainEntryBytes = 1 + 4 + 32;
const compressedEntryBytes = plainEntryBytes + 4;

const typeNumbers = { data: 0, tree: 1 } as const;

export function encodeHeader(key: MasterKey, blobs: readonly PackedBlob[]): Buffer[] {
  const entries = blobs.map((blob) => {
    const compressed = blob.uncompressedLength > 0;
    const entry = Buffer.alloc(entryBytes(compressed));
    entry.writeUInt8(typeNumbers[blob.type] + (compressed ? 2 : 0), 0);
    entry.writeUInt32LE(blob.length, 1);
    if (compressed) entry.writeUInt32LE(blob.uncompressedLength, 5);
    entry.write(blob.id, compressed ? 9 : 5, 'hex');
    return entry;
  });
  const sealed = seal(key, Buffer.concat(entries));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(sealed.length);
  return [sealed, length];
}

/** Bytes of a pack that are no blob: the header's seal and its length; and what each blob takes in the header. */
export const packOverheadBytes = sealBytes + 4;
export const entryBytes = (isCompressed: boolean): number =>
  isCompressed ? compressedEntryBytes : plainEntryBytes;

/** Bytes that `count` blobs will take in the header, at most: what keeps a pack of many tiny blobs within limits. */
export function headerBytes(count: number): number {
  return count * compressedEntryBytes + sealBytes + 4;
}

export function headerIsFull(count: number): boolean {
  return headerBytes(count + 1) > maxHeaderBytes;
}

/** Length of the sealed header, from the last four bytes of a pack. Throws `repository-damaged`. */
export function headerLength(lastBytes: Buffer, packBytes: number): number {
  if (lastBytes.length < 4) throw badPack('it has no room for a header');
  const length = lastBytes.readUInt32LE(lastBytes.length - 4);
  if (length > maxHeaderBytes || length < sealBytes || length + 4 > packBytes)
    throw badPack('its header has no possible length');
  return length;
}

/** Throws `repository-damaged`. */
export function decodeHeader(key: MasterKey, sealed: Uint8Array, packBytes: number): PackedBlob[] {
  const header = open(key, sealed);
  if (header === undefined) throw badPack('its header is damaged');
  const blobs: PackedBlob[] = [];
  let offset = 0;
  for (let at = 0; at < header.length;) {
    const kind = header[at] ?? 255;
    const compressed = kind === 2 || kind === 3;
    const bytes = entryBytes(compressed);
    if (kind > 3 || at + bytes > header.length) throw badPack('its header lists something unknown');
    const length = header.readUInt32LE(at + 1);
    blobs.push({
      id: header.toString('hex', at + bytes - 32, at + bytes),
      type: kind % 2 === 0 ? 'data' : 'tree',
      offset,
      length,
      uncompressedLength: compressed ? header.readUInt32LE(at + 5) : 0,
    });
    offset += length;
    at += bytes;
  }
  if (offset + sealed.length + 4 !== packBytes) throw badPack('its header does not add up to its size');
  return blobs;
}

function badPack(what: string): RelocateError {
  return new RelocateError('repository-damaged', `A pack is damaged: ${what}.`);
}
