import { chunkerDegree, mod, type Polynomial } from './polynomial.ts';

/**
 * Content-defined chunking with restic's parameters: a Rabin fingerprint over a window of 64 bytes, a cut where its low
 * 20 bits are zero, never before 512 KiB and always at 8 MiB. The same bytes are cut alike wherever they stand.
 */
export const minChunkBytes = 512 * 1024;
export const maxChunkBytes = 8 * 1024 * 1024;
const windowBytes = 64;
const splitMask = (1 << 20) - 1;
/** Input is taken in pieces of this size, so that what follows a cut is little to move. */
const pieceBytes = 1024 * 1024;

/** The fingerprint's 53 bits lie in two 32-bit halves, where integer arithmetic is fast. */
interface Tables {
  outHigh: Int32Array;
  outLow: Int32Array;
  modHigh: Int32Array;
  modLow: Int32Array;
}

export function chunkerTables(polynomial: Polynomial): Tables {
  const tables: Tables = {
    outHigh: new Int32Array(256),
    outLow: new Int32Array(256),
    modHigh: new Int32Array(256),
    modLow: new Int32Array(256),
  };
  for (let byte = 0; byte < 256; byte += 1) {
    // What a byte still contributes when 64 bytes have come in since it did.
    const out = mod(BigInt(byte) << BigInt(8 * (windowBytes - 1)), polynomial);
    // What the eight bits above the degree turn into; the bits themselves are in it, so that an xor clears them.
    const top = BigInt(byte) << BigInt(chunkerDegree);
    const reduced = mod(top, polynomial) | top;
    tables.outHigh[byte] = Number(out >> 32n);
    tables.outLow[byte] = Number(out & 0xffffffffn);
    tables.modHigh[byte] = Number(reduced >> 32n);
    tables.modLow[byte] = Number(reduced & 0xffffffffn);
  }
  return tables;
}

/** Cuts one stream. Holds one chunk, at most 8 MiB. */
export class Chunker {
  readonly #tables: Tables;
  readonly #buffer = Buffer.allocUnsafeSlow(maxChunkBytes);
  #filled = 0;
  #scanned = 0;
  #high = 0;
  #low = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Feeds bytes; gives each chunk that is complete now, as a copy of its own. */
  *push(bytes: Uint8Array): Generator<Buffer, void, void> {
    for (let at = 0; at < bytes.length;) {
      const take = Math.min(bytes.length - at, pieceBytes, maxChunkBytes - this.#filled);
      this.#buffer.set(bytes.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      for (let cut = this.#scan(); cut > 0; cut = this.#scan()) yield this.#take(cut);
    }
  }

  /** What is left at the end of the stream; undefined where nothing is. */
  finish(): Buffer | undefined {
    return this.#filled === 0 ? undefined : this.#take(this.#filled);
  }

  #take(length: number): Buffer {
    const chunk = Buffer.allocUnsafeSlow(length);
    this.#buffer.copy(chunk, 0, 0, length);
    this.#buffer.copyWithin(0, length, this.#filled);
    this.#filled -= length;
    this.#scanned = 0;
    return chunk;
  }

  /** The length of the chunk that ends in the bytes not looked at yet, or 0. */
  #scan(): number {
    if (this.#filled < minChunkBytes) return 0;
    const { outHigh, outLow, modHigh, modLow } = this.#tables;
    const buffer = this.#buffer;
    const end = this.#filled;
    let high = this.#high;
    let low = this.#low;
    let at = this.#scanned;
    if (at === 0) {
      // A cut depends on the last 64 bytes alone, and there is none before the minimum: begin right before it.
      high = 0;
      low = 0;
      for (at = minChunkBytes - windowBytes; at < minChunkBytes; at += 1) {
        const index = (high >>> 13) & 0xff;
        const carried = (high << 8) | (low >>> 24);
        low = ((low << 8) | (buffer[at] ?? 0)) ^ (modLow[index] ?? 0);
        high = carried ^ (modHigh[index] ?? 0);
      }
      if ((low & splitMask) === 0) return at;
    }
    while (at < end) {
      const leaving = buffer[at - windowBytes] ?? 0;
      high ^= outHigh[leaving] ?? 0;
      low ^= outLow[leaving] ?? 0;
      const index = (high >>> 13) & 0xff;
      const carried = (high << 8) | (low >>> 24);
      low = ((low << 8) | (buffer[at] ?? 0)) ^ (modLow[index] ?? 0);
      high = carried ^ (modHigh[index] ?? 0);
      at += 1;
      if ((low & splitMask) === 0) return at;
    }
    this.#high = high;
    this.#low = low;
    this.#scanned = at;
    return at >= maxChunkBytes ? maxChunkBytes : 0;
  }
}
