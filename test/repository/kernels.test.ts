import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
// @ts-expect-error -- a program for npm run kernels, without types.
import { kernelBinaries } from '../../bin/build-kernels.js';
import { chunkerTables } from '../../src/repository/chunker.ts';
import { createCutFinder, poly1305Tag } from '../../src/repository/kernels.ts';
import { chunkerDegree } from '../../src/repository/polynomial.ts';
import { seeded } from '../support/random.ts';

test('the compiled kernels are those of assembly/; after a change of them: npm run kernels', async () => {
  expect(await readFile('src/repository/kernel-binaries.ts', 'utf8')).toBe(await kernelBinaries());
}, 60_000);

describe('the Poly1305 kernel', () => {
  test('agrees with the definition at every length around its groups, pieces and blocks', () => {
    const random = seeded(1305);
    const lengths = [
      ...Array.from({ length: 300 }, (_, length) => length),
      65_520,
      65_535,
      65_536,
      65_537,
      65_552,
      131_073,
      200_001,
    ];
    for (const length of lengths) {
      const key = random.bytes(32);
      const message = random.bytes(length);
      expect(poly1305Tag(key, message).toString('hex')).toBe(tagByDefinition(key, message));
    }
  });

  test('carries where all bits are set, and where the sum is as large as the modulus', () => {
    const ones = Buffer.alloc(32, 0xff);
    const oneTimesR = Buffer.alloc(32);
    oneTimesR[0] = 1;
    for (const key of [ones, oneTimesR]) {
      for (const fill of [0xff, 0xfb, 0x00]) {
        for (let length = 0; length <= 200; length += 1) {
          const message = Buffer.alloc(length, fill);
          expect(poly1305Tag(key, message).toString('hex')).toBe(tagByDefinition(key, message));
        }
      }
    }
    // With r = 1 blocks are added up: sums right below, at and above 2^130 - 5.
    for (let last = 0xf0; last <= 0xff; last += 1) {
      const message = Buffer.concat([Buffer.alloc(32, 0xff), Buffer.alloc(15, 0xff), Buffer.of(last)]);
      message[0] = last;
      expect(poly1305Tag(oneTimesR, message).toString('hex')).toBe(tagByDefinition(oneTimesR, message));
    }
  });

  test('does not care where in memory the message lies', () => {
    const bytes = seeded(2).bytes(70_001);
    const key = seeded(3).bytes(32);
    const shifted = Buffer.concat([Buffer.of(0), bytes]).subarray(1);
    expect(poly1305Tag(key, shifted)).toEqual(poly1305Tag(key, bytes));
  });
});

const prime = (1n << 130n) - 5n;

/** RFC 8439, 2.5.1, with numbers of any size. */
function tagByDefinition(key: Buffer, message: Buffer): string {
  const r = littleEndian(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    sum = ((sum + littleEndian(block) + (1n << BigInt(8 * block.length))) * r) % prime;
  }
  const tag = (sum + littleEndian(key.subarray(16))) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse().toString('hex');
}

const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);

describe('the chunker kernel', () => {
  const polynomial = 0x3da3358b4dc173n;
  const sizeBytes = 200_000;
  const finder = createCutFinder(sizeBytes, chunkerTables(polynomial));

  test('finds the first place, wherever it lies: in each stretch, at their ends, in what is left over', () => {
    const random = seeded(64);
    const cut = contentThatCuts(random.bytes(64));
    fc.assert(
      fc.property(
        fc.integer({ min: 64, max: 2000 }),
        fc.integer({ min: 0, max: sizeBytes - 4000 }),
        fc.array(fc.integer({ min: 0, max: sizeBytes - 64 }), { maxLength: 4 }),
        (from, length, places) => {
          // A run of the same byte has no cut in it for this polynomial, except where one is planted.
          finder.buffer.fill(7);
          for (const place of places) finder.buffer.set(cut, place);
          const to = from + length;
          expect(finder.find(from, to)).toBe(firstByDefinition(finder.buffer, from, to, places));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('finds the end of a window of zeros at once, as restic does', () => {
    finder.buffer.fill(0);
    expect(finder.find(64, sizeBytes)).toBe(64);
  });

  /** 64 bytes after which the fingerprint's low bits are zero: the last eight are solved for. */
  function contentThatCuts(window: Buffer): Buffer {
    // The last three bytes enter unreduced: they can be chosen so that they cancel the low bits.
    const content = Buffer.from(window);
    content.fill(0, 61);
    const low = Number(fingerprint(content, polynomial) & 0xffffffn);
    content.writeUIntBE(low, 61, 3);
    return content;
  }

  function firstByDefinition(
    buffer: Buffer,
    from: number,
    to: number,
    places: readonly number[],
  ): number | undefined {
    // Only near what was planted can a cut be; elsewhere the bytes are all alike.
    const near = places.flatMap((place) => Array.from({ length: 128 }, (_, at) => place + 1 + at));
    return [...new Set([from, ...near])]
      .filter((at) => at >= from && at <= to)
      .toSorted((a, b) => a - b)
      .find((at) => (fingerprint(buffer.subarray(at - 64, at), polynomial) & 0xfffffn) === 0n);
  }
});

/** The bytes as one polynomial over GF(2), modulo another one, bit by bit. */
function fingerprint(bytes: Uint8Array, polynomial: bigint): bigint {
  let rest = 0n;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      rest = (rest << 1n) | BigInt((byte >> bit) & 1);
      if (rest >> BigInt(chunkerDegree) === 1n) rest ^= polynomial;
    }
  }
  return rest;
}
