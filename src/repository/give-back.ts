/** Where a blob's plaintext is to be put, in memory that all threads see. */
export interface GiveBack {
  memory: SharedArrayBuffer;
  at: number;
  /** As the index says. */
  length: number;
}

/** A consumer of blobs: whether the blob was put where it was wanted, because it has the length that it should have. */
export function consume(plaintext: Buffer, { memory, at, length }: GiveBack): boolean {
  if (plaintext.length !== length) return false;
  new Uint8Array(memory, at, length).set(plaintext);
  return true;
}
