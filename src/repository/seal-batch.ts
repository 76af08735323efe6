import { ivBytes, sealBytes } from './crypto.ts';
import type { Sealed, Sealer } from './seal-blob.ts';
import type { Id } from './types.ts';

/** Blobs that lie one after the other in one stretch of memory, each with room around it for what sealing adds. */
export interface Batch {
  bytes: Buffer;
  /** `at`: where the blob's place begins; its plaintext stands 16 bytes behind that. */
  blobs: { id: Id; at: number; length: number; crc: number }[];
  mayCompress: boolean;
}

/** For each blob of the batch, in its order. */
export type SealedBatch = Sealed[];

export const roomFor = (plaintextBytes: number): number => plaintextBytes + sealBytes;

/** Puts plaintext where `sealBatch` looks for it. */
export function place(bytes: Buffer, at: number, plaintext: Uint8Array): void {
  bytes.set(plaintext, at + ivBytes);
}

/** Seals all of them in place. Throws `internal` where the memory cannot be trusted. */
export function sealBatch(sealer: Sealer, { bytes, blobs, mayCompress }: Batch): SealedBatch {
  return blobs.map(({ id, at, length, crc }) =>
    sealer.seal(bytes.subarray(at, at + roomFor(length)), { length, id, crc }, mayCompress),
  );
}
