import fc from 'fast-check';
import { fingerprint } from './chunker-reference.ts';
import { seeded } from './random.ts';

/**
 * A stretch of content: noise; one byte over and over, which cuts at once or never; text; a short pattern over and over;
 * one byte up to a place where a cut is planted, at the very end of the stretch.
 */
export interface Stretch {
  kind: 'noise' | 'run' | 'text' | 'pattern' | 'cut';
  bytes: number;
  seed: number;
}

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** Where a chunker's own seams may be: its limits, its pieces and the stretches that it looks at side by side. */
const seams = [
  64,
  512 * kibibyte,
  mebibyte,
  2 * mebibyte,
  8 * mebibyte,
  512 * kibibyte + 64,
  512 * kibibyte + 16 * 64,
  ...[1, 2, 3, 7, 15, 16].map((part) => 512 * kibibyte + (part * 512 * kibibyte) / 16),
  ...[1, 5, 15].map((part) => mebibyte + part * 65_536),
];

const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 900 * kibibyte }) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...seams), fc.integer({ min: -2, max: 2 }))
      .map(([seam, off]) => seam + off),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: -1, max: 1 }))
      .map(([groups, off]) => Math.max(1, 512 * kibibyte + 16 * groups + off)),
  },
);

const kinds = ['noise', 'run', 'text', 'pattern', 'cut', 'cut', 'cut'] as const;

/** About 2 MiB in the mean, 20 at most. */
export const stretches: fc.Arbitrary<Stretch[]> = fc
  .array(fc.record({ kind: fc.constantFrom(...kinds), bytes, seed: fc.nat({ max: 2 ** 31 - 1 }) }), {
    minLength: 1,
    maxLength: 6,
    size: 'max',
  })
  .map((all) => {
    let left = 20 * mebibyte;
    return all.filter((one) => (left -= one.bytes) > 0);
  });

export function contentOf(all: readonly Stretch[], polynomial: bigint): Buffer {
  return Buffer.concat(all.map((one) => stretch(one, polynomial)));
}

function stretch({ kind, bytes: length, seed }: Stretch, polynomial: bigint): Buffer {
  const random = seeded(seed);
  const kinds: Record<Stretch['kind'], () => Buffer> = {
    noise: () => random.bytes(length),
    // Zeros, which cut at the minimum, as often as all others.
    run: () => Buffer.alloc(length, random.int(2) * random.int(256)),
    text: () =>
      Buffer.alloc(length, `INSERT INTO entry VALUES (${random.int(1000)}, 'the quick brown fox');\n`),
    pattern: () => Buffer.alloc(length, random.bytes(1 + random.int(3 * kibibyte))),
    cut() {
      const content = Buffer.alloc(length, 1 + random.int(255));
      const window = cuttingWindow(random.bytes(64), polynomial);
      window.copy(content, Math.max(0, length - 64), Math.max(0, 64 - length));
      return content;
    },
  };
  return kinds[kind]();
}

/** 64 bytes after which there is a cut: the last three enter the digest as they are, and are chosen to cancel it. */
function cuttingWindow(window: Buffer, polynomial: bigint): Buffer {
  window.fill(0, 61);
  window.writeUIntBE(Number(fingerprint(window, polynomial) & 0xffffffn), 61, 3);
  return window;
}
