import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Chunker, chunkerTables } from '../../src/repository/chunker.ts';
import { randomPolynomial } from '../../src/repository/polynomial.ts';
import { contentOf, stretches } from '../support/chunker-content.ts';
import { referenceCuts, referenceTables } from '../support/chunker-reference.ts';

const cases = Number(process.env['RELOCATE_TEST_CHUNKER_CASES'] ?? 200);
const seed = Number(process.env['RELOCATE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const mebibyte = 1024 * 1024;

// A chunker of each holds 8 MiB and is used again and again, as in a snapshot of many files.
const polynomials = [0x3da3358b4dc173n, ...Array.from({ length: 5 }, () => randomPolynomial())].map(
  (polynomial) => ({
    polynomial,
    chunker: new Chunker(chunkerTables(polynomial)),
    reference: referenceTables(polynomial),
  }),
);

describe(`${cases} contents (seed ${seed})`, () => {
  test('random, zero, text and adversarial: cut as by restic’s definition, however they come in', () => {
    let seen = 0;
    let atMinimum = 0;
    let atMaximum = 0;
    const slices = fc.array(
      fc.oneof(
        fc.integer({ min: 1, max: 3 * mebibyte }),
        fc.constantFrom(63, 64, 65, mebibyte - 1, mebibyte, mebibyte + 1),
      ),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(stretches, fc.constantFrom(...polynomials), slices, (all, one, sizes) => {
        const content = contentOf(all, one.polynomial);
        const lengths: number[] = [];
        let same = true;
        let start = 0;
        const take = (chunk: Buffer) => {
          same &&= chunk.equals(content.subarray(start, start + chunk.length));
          start += chunk.length;
          lengths.push(chunk.length);
        };
        for (const piece of sliced(content, sizes)) for (const chunk of one.chunker.push(piece)) take(chunk);
        const last = one.chunker.finish();
        if (last) take(last);
        expect(same && start === content.length).toBe(true);
        expect(lengths).toEqual(referenceCuts(content, one.reference));
        seen += lengths.length;
        atMinimum += lengths.filter((length) => length === mebibyte / 2).length;
        atMaximum += lengths.filter((length) => length === 8 * mebibyte).length;
      }),
      { numRuns: cases, seed, interruptAfterTimeLimit: 590_000, markInterruptAsFailure: true },
    );
    // The content did what it was made for.
    expect(seen).toBeGreaterThan(cases * 2);
    expect(atMinimum).toBeGreaterThan(cases / 10);
    expect(atMaximum).toBeGreaterThan(0);
  }, 600_000);
});

/** Pieces of at least 64 bytes, but for one: megabytes byte by byte would take all day. */
function* sliced(content: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, nth = 0; at < content.length; nth += 1) {
    const size = sizes[nth % sizes.length] ?? 1;
    yield content.subarray(at, at + (nth < 20 ? size : Math.max(size, 100_000)));
    at += nth < 20 ? size : Math.max(size, 100_000);
  }
}
