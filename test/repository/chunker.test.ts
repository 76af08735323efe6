import { createCipheriv } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Chunker, chunkerTables, maxChunkBytes, minChunkBytes } from '../../src/repository/chunker.ts';
import { idOf } from '../../src/repository/crypto.ts';
import {
  chunkerDegree,
  degree,
  gcd,
  isIrreducible,
  mod,
  randomPolynomial,
} from '../../src/repository/polynomial.ts';
import { seeded } from '../support/random.ts';

const polynomial = 0x3da3358b4dc173n;
const tables = chunkerTables(polynomial);
const mebibyte = 1024 * 1024;

function cut(pieces: Iterable<Uint8Array>, with_ = tables): Buffer[] {
  const chunker = new Chunker(with_);
  const chunks: Buffer[] = [];
  for (const piece of pieces) for (const chunk of chunker.push(piece)) chunks.push(Buffer.from(chunk));
  const last = chunker.finish();
  return last ? [...chunks, last] : chunks;
}

const lengths = (content: Uint8Array) => cut([content]).map((chunk) => chunk.length);

/** A few kinds of content, by a seed: noise, long runs, and text that repeats. */
function contentOf(seed: number, size: number): Buffer {
  const random = seeded(seed);
  const parts: Buffer[] = [];
  for (let left = size; left > 0;) {
    const length = Math.min(left, 1 + random.int(2 * mebibyte));
    const kind = random.int(4);
    if (kind === 0) parts.push(Buffer.alloc(length, random.int(256)));
    else if (kind === 1) parts.push(Buffer.alloc(length, random.bytes(1 + random.int(5000))));
    else parts.push(random.bytes(length));
    left -= length;
  }
  return Buffer.concat(parts);
}

function* sliced(content: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, nth = 0; at < content.length; nth += 1) {
    const size = sizes[nth % sizes.length] ?? 1;
    yield content.subarray(at, at + size);
    at += size;
  }
}

describe('the chunker', () => {
  const seeds = fc.integer({ min: 0, max: 2 ** 31 });
  const sizes = fc.integer({ min: 0, max: 16 * mebibyte });

  test('loses, adds and swaps nothing, and keeps to its limits', () => {
    fc.assert(
      fc.property(seeds, sizes, (seed, size) => {
        const content = contentOf(seed, size);
        const chunks = cut([content]);
        expect(Buffer.concat(chunks).equals(content)).toBe(true);
        for (const [at, { length }] of chunks.entries()) {
          expect(length).toBeLessThanOrEqual(maxChunkBytes);
          expect(length).toBeGreaterThanOrEqual(at === chunks.length - 1 ? 1 : minChunkBytes);
        }
      }),
      { numRuns: 12 },
    );
  });

  test('cuts alike however the stream is sliced into pieces', () => {
    const slices = fc.array(fc.integer({ min: 1, max: 3 * mebibyte }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(seeds, sizes, slices, (seed, size, pieces) => {
        const content = contentOf(seed, size);
        expect(cut(sliced(content, pieces)).map((chunk) => chunk.length)).toEqual(lengths(content));
      }),
      { numRuns: 12 },
    );
  });

  test.each([1, 63, 64, 65, minChunkBytes - 1, minChunkBytes, minChunkBytes + 1])(
    'cuts alike when fed %d bytes at a time, with empty pieces between',
    (size) => {
      const content = contentOf(5, size === 1 ? 2 * mebibyte : 12 * mebibyte);
      function* withEmpty() {
        for (const piece of sliced(content, [size])) {
          yield piece;
          if (size > 1) yield Buffer.alloc(0);
        }
      }
      expect(cut(withEmpty()).map((chunk) => chunk.length)).toEqual(lengths(content));
    },
  );

  test('cuts a stream alike whatever it has cut before', () => {
    const chunker = new Chunker(tables);
    const cutBy = (content: Buffer) => {
      const lengths = [...chunker.push(content)].map(({ length }) => length);
      return [...lengths, chunker.finish()?.length];
    };
    const content = seeded(6).bytes(9 * mebibyte);
    const first = cutBy(content);
    expect(first.length).toBeGreaterThan(3);
    for (const between of [0, 1, minChunkBytes, 3 * mebibyte]) {
      cutBy(seeded(7).bytes(between));
      expect(cutBy(content)).toEqual(first);
    }
  });

  test('an insertion moves the cuts around it and no others', () => {
    fc.assert(
      fc.property(
        seeds,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 5000 }),
        (seed, where, count) => {
          const random = seeded(seed);
          const before = random.bytes(24 * mebibyte);
          const at = Math.floor(where * before.length);
          const after = Buffer.concat([before.subarray(0, at), random.bytes(count), before.subarray(at)]);
          const old = new Set(cut([before]).map((chunk) => idOf(chunk)));
          const isNew = cut([after]).map((chunk) => !old.has(idOf(chunk)));
          const [first, last] = [isNew.indexOf(true), isNew.lastIndexOf(true)];
          // Where old and new meet again at a cut they stay together: what is new is one stretch, and a short one.
          expect(isNew.slice(first, last + 1)).not.toContain(false);
          expect(last - first).toBeLessThan(10);
        },
      ),
      { numRuns: 4, seed: 7 },
    );
  });

  test('a cut hangs on the last 64 bytes alone: chunks are found again wherever they stand', () => {
    const content = seeded(8).bytes(24 * mebibyte);
    const [first, second, ...others] = cut([content]);
    const rest = Buffer.concat([second ?? Buffer.alloc(0), ...others]);
    expect(cut([rest]).map((chunk) => idOf(chunk))).toEqual(
      [second, ...others].map((chunk) => idOf(chunk ?? Buffer.alloc(0))),
    );
    expect(first?.length).toBeGreaterThanOrEqual(minChunkBytes);
  });

  test('zeros are cut at the minimum, and what never cuts at the maximum', () => {
    expect(lengths(Buffer.alloc(3 * minChunkBytes + 5))).toEqual([
      ...Array<number>(3).fill(minChunkBytes),
      5,
    ]);
    expect(lengths(Buffer.alloc(2 * maxChunkBytes + 7, 1))).toEqual([maxChunkBytes, maxChunkBytes, 7]);
  });

  test.each([0, 1, minChunkBytes - 1, minChunkBytes])('%d bytes are one chunk, or none', (size) => {
    expect(lengths(seeded(9).bytes(size))).toEqual(size === 0 ? [] : [size]);
  });

  test('the cuts of known content under a known polynomial stay what restic made of them', () => {
    const noise = createCipheriv('aes-256-ctr', Buffer.alloc(32), Buffer.alloc(16));
    const content = Buffer.concat([noise.update(Buffer.alloc(16 * mebibyte)), Buffer.alloc(mebibyte + 1)]);
    expect(lengths(content)).toEqual([
      551_133,
      640_712,
      2_766_582,
      898_583,
      2_782_732,
      2_263_350,
      531_615,
      1_191_198,
      3_039_727,
      2_111_648,
      minChunkBytes,
      524_225,
    ]);
  });

  test('chunks of noise are 1.5 MiB in the mean', () => {
    const all = cut([seeded(10).bytes(96 * mebibyte)]);
    const mean = (96 * mebibyte) / all.length;
    expect(mean).toBeGreaterThan(1.2 * mebibyte);
    expect(mean).toBeLessThan(1.8 * mebibyte);
  });
});

describe('polynomials', () => {
  const small = fc.bigInt({ min: 2n, max: (1n << 10n) - 1n });
  const any = fc.bigInt({ min: 1n, max: (1n << 60n) - 1n });

  function product(a: bigint, b: bigint): bigint {
    let sum = 0n;
    for (let at = 0n; b >> at > 0n; at += 1n) if ((b >> at) & 1n) sum ^= a << at;
    return sum;
  }

  test('are irreducible when no smaller one divides them, and only then', () => {
    for (let value = 2n; value < 1024n; value += 1n) {
      let divisor = 2n;
      while (divisor < value && mod(value, divisor) !== 0n) divisor += 1n;
      const dividesOnlyItself = degree(divisor) === degree(value);
      expect({ value, irreducible: isIrreducible(value) }).toEqual({ value, irreducible: dividesOnlyItself });
    }
  });

  test('that are products are never irreducible, and their factors divide them', () => {
    fc.assert(
      fc.property(any, small, (a, b) => {
        expect(mod(product(a, b), b)).toBe(0n);
        expect(mod(gcd(product(a, b), b), b)).toBe(0n);
        if (a > 1n) expect(isIrreducible(product(a, b))).toBe(false);
      }),
    );
  });

  test('leave a rest that is smaller, and which with the rest taken away divides', () => {
    fc.assert(
      fc.property(any, small, (a, b) => {
        const rest = mod(a, b);
        expect(degree(rest)).toBeLessThan(degree(b));
        expect(mod(a ^ rest, b)).toBe(0n);
      }),
    );
  });

  test('made at random are of degree 53, irreducible, and never the same', () => {
    const made = Array.from({ length: 20 }, () => randomPolynomial());
    expect(made.every((one) => degree(one) === chunkerDegree && isIrreducible(one))).toBe(true);
    expect(new Set(made).size).toBe(20);
  });
});
