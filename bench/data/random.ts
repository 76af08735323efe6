import { createCipheriv } from 'node:crypto';

/** Numbers that look random and are the same for the same seed (xorshift, 32 bits). */
export class SeededNumbers {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds would begin alike, and a state of zero stays zero.
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    for (let warmUp = 0; warmUp < 4; warmUp += 1) this.next();
  }

  /** From 0 to 2^32 - 1. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** Small numbers are far more frequent than large ones, as words are in a language. */
  skewed(limit: number): number {
    const x = this.next() / 0x1_0000_0000;
    return Math.floor(x * x * x * limit);
  }
}

/** Fills a buffer with bytes that nothing compresses: a cipher's stream, the same for the same seed. */
export function fillRandom(buffer: Buffer, seed: number): void {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(seed >>> 0);
  buffer.fill(0);
  createCipheriv('aes-128-ctr', Buffer.alloc(16, 'bench'), iv).update(buffer).copy(buffer);
}
