import { createCutFinder, type CutFinder } from './kernels.ts';
import { chunkerDegree, mod, type Polynomial } from './polynomial.ts';

/**
 * Content-defined chunking with restic's parameters: a Rabin fingerprint over a window of 64 bytes, a cut where its low
 * 20 bits are zero, never before 512 KiB and always at 8 MiB. The same bytes are cut alike wherever they stand.
 */
export const minChunkBytes = 512 * 1024;
export const maxChunkBytes = 8 * 1024 * 1024;
const windowBytes = 64;
/** Input is taken in pieces of this size, so that what follows a cut is little to move. */
const pieceBytes = 1024 * 1024;

/** What a roll of the fingerprint by one byte takes from; for each value of a byte 64 bits, of which 61 are used. */
export interface ChunkerTables {
  /** What a byte that leaves the window still contributes when the next one has come in. */
  leaving: BigUint64Array<ArrayBuffer>;
  /** What the eight bits above the degree turn into; the bits themselves are in it, so that an xor clears them. */
  top: BigUint64Array<ArrayBuffer>;
}

export function chunkerTables(polynomial: Polynomial): ChunkerTables {
  const tables = { leaving: new BigUint64Array(256), top: new BigUint64Array(256) };
  for (let byte = 0; byte < 256; byte += 1) {
    tables.leaving[byte] = mod(BigInt(byte) << BigInt(8 * windowBytes), polynomial);
    const top = BigInt(byte) << BigInt(chunkerDegree);
    tables.top[byte] = mod(top, polynomial) | top;
  }
  return tables;
}

/** Cuts one stream after the other. Holds one chunk, at most 8 MiB. */
export class Chunker {
  readonly #finder: CutFinder;
  #filled = 0;
  /** Up to here there is no place for a cut, in the chunk that begins at 0. */
  #scanned = minChunkBytes;

  constructor(tables: ChunkerTables) {
    this.#finder = createCutFinder(maxChunkBytes, tables);
  }

  /** Feeds bytes; gives each chunk that is complete now, good until the next one is asked for. */
  *push(bytes: Uint8Array): Generator<Buffer, void, void> {
    for (let at = 0; at < bytes.length;) {
      const space = this.space();
      const piece = bytes.subarray(at, at + space.length);
      space.set(piece);
      at += piece.length;
      yield* this.filled(piece.length);
    }
  }

  /** Where the next bytes may be written to, to be told of with `filled`; never empty. */
  space(): Buffer {
    const end = Math.min(this.#filled + pieceBytes, maxChunkBytes);
    return this.#finder.buffer.subarray(this.#filled, end);
  }

  /** Takes that many bytes which were written to `space`; gives chunks as `push` does. */
  *filled(bytes: number): Generator<Buffer, void, void> {
    const { buffer } = this.#finder;
    this.#filled += bytes;
    for (let cut = this.#cut(); cut > 0; cut = this.#cut()) {
      yield buffer.subarray(0, cut);
      buffer.copyWithin(0, cut, this.#filled);
      this.#filled -= cut;
      this.#scanned = minChunkBytes;
    }
  }

  /** What is left at the end of the stream; undefined where nothing is. Another stream may follow. */
  finish(): Buffer | undefined {
    const rest = this.#filled;
    this.#filled = 0;
    this.#scanned = minChunkBytes;
    return rest === 0 ? undefined : this.#finder.buffer.subarray(0, rest);
  }

  /** The length of the chunk that ends in the bytes not looked at yet, or 0. */
  #cut(): number {
    if (this.#filled < minChunkBytes) return 0;
    const found = this.#finder.find(this.#scanned, this.#filled);
    this.#scanned = this.#filled;
    return found ?? (this.#filled >= maxChunkBytes ? maxChunkBytes : 0);
  }
}
