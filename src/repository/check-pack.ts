import { RelocateError } from '../errors.ts';
import { idOf, type MasterKey } from './crypto.ts';
import { decodeHeader, headerLength, type PackedBlob } from './pack.ts';
import type { Sealer } from './seal-blob.ts';
import type { Id } from './types.ts';

/** What is wrong with a pack's bytes in a sentence, or undefined. */
export function damageOfPack(
  key: MasterKey,
  sealer: Sealer,
  bytes: Buffer,
  pack: { pack: Id; indexed: readonly PackedBlob[] },
): string | undefined {
  try {
    return findDamage(key, sealer, bytes, pack);
  } catch (error) {
    if (!(error instanceof RelocateError)) throw error;
    return error.message;
  }
}
function findDamage(
  key: MasterKey,
  sealer: Sealer,
  bytes: Buffer,
  { pack, indexed }: { pack: Id; indexed: readonly PackedBlob[] },
): string | undefined {
  if (idOf(bytes) !== pack) return 'Its bytes do not have the digest it is named by.';
  const length = headerLength(bytes.subarray(-4), bytes.length);
  const header = decodeHeader(key, bytes.subarray(bytes.length - 4 - length, -4), bytes.length);
  const listed = new Map(header.map((blob) => [`${blob.type} ${blob.id} ${blob.offset}`, blob]));
  for (const blob of indexed) {
    const same = listed.get(`${blob.type} ${blob.id} ${blob.offset}`);
    if (same?.length !== blob.length || same.uncompressedLength !== blob.uncompressedLength)
      return 'Its header and the index differ.';
    const plaintext = sealer.open(
      bytes.subarray(blob.offset, blob.offset + blob.length),
      blob.uncompressedLength,
    );
    if (plaintext === undefined || idOf(plaintext) !== blob.id)
      return `Blob ${blob.id.slice(0, 8)} cannot be read back.`;
  }
  return undefined;
}
