import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RelocateError } from '../../src/errors.ts';
import { compressions, type Compression } from '../../src/repository/compression.ts';
import { idOf, randomMasterKey, seal } from '../../src/repository/crypto.ts';
import {
  decodeHeader,
  encodeHeader,
  headerBytes,
  headerIsFull,
  headerLength,
  type PackedBlob,
} from '../../src/repository/pack.ts';
import { loadPrimitives, plainPrimitives } from '../../src/repository/primitives.ts';
import { Sealer } from '../../src/repository/seal-blob.ts';

const key = randomMasterKey();

/** Blobs of these lengths in a row, as a packer lays them. */
function laid(blobs: readonly Pick<PackedBlob, 'type' | 'length' | 'uncompressedLength'>[]): PackedBlob[] {
  let offset = 0;
  return blobs.map((blob) => {
    const placed = { ...blob, id: randomBytes(32).toString('hex'), offset };
    offset += blob.length;
    return placed;
  });
}

/** The ends of a pack, as a reader takes them: its last bytes, the sealed header, its size. */
function endsOf(blobs: readonly PackedBlob[]) {
  const [sealed = Buffer.alloc(0), length = Buffer.alloc(0)] = encodeHeader(key, blobs);
  const packBytes = blobs.reduce((sum, blob) => sum + blob.length, 0) + sealed.length + length.length;
  return { sealed, length, packBytes };
}

const codeOfThrown = (work: () => unknown) => {
  try {
    return { returned: work() };
  } catch (error) {
    return error instanceof RelocateError ? error.code : error;
  }
};

describe('a pack’s header', () => {
  test('says of any blobs what they were written with', () => {
    const blob = fc.record({
      type: fc.constantFrom('data' as const, 'tree' as const),
      length: fc.integer({ min: 32, max: 2 ** 32 - 1 }),
      uncompressedLength: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 32 - 1 })),
    });
    fc.assert(
      fc.property(fc.array(blob, { minLength: 1, maxLength: 60 }), (some) => {
        const blobs = laid(some);
        const { sealed, length, packBytes } = endsOf(blobs);
        expect(headerLength(length, packBytes)).toBe(sealed.length);
        expect(sealed.length + 4).toBeLessThanOrEqual(headerBytes(blobs.length));
        expect(decodeHeader(key, sealed, packBytes)).toEqual(blobs);
      }),
    );
  });

  test('is full before it passes restic’s limit of 16 MiB', () => {
    let most = 0;
    while (!headerIsFull(most)) most += 1;
    expect(headerBytes(most)).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(headerBytes(most)).toBeGreaterThan(16 * 1024 * 1024 - 100);
  });

  test.each([0, 31, 16 * 1024 * 1024 + 1, 2 ** 32 - 1, 97])(
    'of a length that cannot be (%d) is damage',
    (claimed) => {
      const lastBytes = Buffer.alloc(4);
      lastBytes.writeUInt32LE(claimed);
      expect(codeOfThrown(() => headerLength(lastBytes, 100))).toBe('repository-damaged');
    },
  );

  test.each([0, 1, 2, 3])('of a pack of %d bytes in all is damage', (size) => {
    expect(codeOfThrown(() => headerLength(Buffer.alloc(size), size))).toBe('repository-damaged');
  });

  test('that does not add up to the size of the pack is damage', () => {
    const { sealed, packBytes } = endsOf(laid([{ type: 'data', length: 100, uncompressedLength: 0 }]));
    for (const off of [-1, 1, 2 ** 32])
      expect(codeOfThrown(() => decodeHeader(key, sealed, packBytes + off))).toBe('repository-damaged');
  });

  test.each<[string, Buffer]>([
    ['an unknown kind of blob', Buffer.concat([Buffer.of(4, 0, 0, 0, 0), Buffer.alloc(32)])],
    ['half an entry', Buffer.concat([Buffer.of(0, 32, 0, 0, 0), Buffer.alloc(31)])],
    ['an entry of one byte', Buffer.of(2)],
    ['a compressed entry without its length', Buffer.concat([Buffer.of(2, 32, 0, 0, 0), Buffer.alloc(32)])],
  ])('with %s is damage, though it is sealed with the right key', (_, content) => {
    const sealed = seal(key, content);
    for (const packBytes of [sealed.length + 4, sealed.length + 36])
      expect(codeOfThrown(() => decodeHeader(key, sealed, packBytes))).toBe('repository-damaged');
  });

  test('cut off anywhere, or of another key, is damage', () => {
    const { sealed, packBytes } = endsOf(laid([{ type: 'tree', length: 99, uncompressedLength: 5 }]));
    for (let length = 0; length < sealed.length; length += 1)
      expect(codeOfThrown(() => decodeHeader(key, sealed.subarray(0, length), packBytes))).toBe(
        'repository-damaged',
      );
    expect(codeOfThrown(() => decodeHeader(randomMasterKey(), sealed, packBytes))).toBe('repository-damaged');
  });
});

test('the native primitives are there on the systems that we test on', () => {
  expect(loadPrimitives()).not.toBe(plainPrimitives);
});

describe.each([
  ['natively', loadPrimitives()],
  ['by Node’s modules', plainPrimitives],
])('a blob that is sealed %s', (_, primitives) => {
  const sealerOf = (compression: Compression) => new Sealer(key, primitives, compression);
  const sealers = { auto: sealerOf('auto'), max: sealerOf('max'), off: sealerOf('off') };
  const opener = new Sealer(key, plainPrimitives);

  function sealBlob(content: Uint8Array, compression: Compression = 'auto', mark = primitives.mark(content)) {
    const place = Buffer.alloc(content.length + 32);
    place.set(content, 16);
    const { length, uncompressedLength } = sealers[compression].seal(place, {
      length: content.length,
      mark,
    });
    return { sealed: place.subarray(0, length), uncompressedLength };
  }

  test.each(compressions)('of any content comes back (compression: %s)', (compression) => {
    const contents = fc.oneof(
      fc.uint8Array({ maxLength: 5000 }),
      fc.integer({ min: 0, max: 100_000 }).map((length) => new Uint8Array(length).fill(7)),
    );
    fc.assert(
      fc.property(contents, (content) => {
        const { sealed, uncompressedLength } = sealBlob(content, compression);
        expect(sealed.length).toBeLessThanOrEqual(content.length + 32);
        expect(uncompressedLength === 0 || uncompressedLength === content.length).toBe(true);
        expect(compression !== 'off' || uncompressedLength === 0).toBe(true);
        expect(opener.open(sealed, uncompressedLength)?.equals(content)).toBe(true);
      }),
    );
  });

  test('that compresses is stored compressed, and one that does not, or is empty, as it is', () => {
    const sealedOf = (content: Buffer) => sealBlob(content);
    expect(sealedOf(Buffer.alloc(100_000))).toMatchObject({ uncompressedLength: 100_000 });
    expect(sealedOf(randomBytes(1000))).toMatchObject({ uncompressedLength: 0 });
    expect(sealedOf(Buffer.alloc(0))).toMatchObject({ uncompressedLength: 0 });
  });

  test('that is large and does not compress is not tried whole, and one that begins alike is', () => {
    const random = randomBytes(400_000);
    expect(sealBlob(random).uncompressedLength).toBe(0);
    const mixed = Buffer.concat([random.subarray(0, 200_000), Buffer.alloc(200_000)]);
    expect(sealBlob(mixed).uncompressedLength).toBe(400_000);
  });

  test('whose bytes are not those that its ID was made of is never sealed: memory that fails is found', () => {
    const content = Buffer.from('what the ID was made of');
    const mark = primitives.mark(content);
    content[3] = 0;
    expect(codeOfThrown(() => sealBlob(content, 'auto', mark))).toBe('internal');
  });

  test.each([-1, 1, 1000, 2 ** 31])('with a plaintext length that is wrong by %d does not open', (off) => {
    const content = Buffer.alloc(100_000, 'text ');
    const { sealed, uncompressedLength } = sealBlob(content);
    expect(opener.open(sealed, uncompressedLength + off)).toBeUndefined();
  });

  test('said to be compressed that is not, does not open; said to be plain, gives other bytes than its ID’s', () => {
    const plain = seal(key, Buffer.from('no zstd in here'));
    expect(opener.open(plain, 15)).toBeUndefined();
    const content = Buffer.alloc(1000);
    const { sealed } = sealBlob(content);
    expect(idOf(opener.open(sealed, 0) ?? Buffer.alloc(0))).not.toBe(idOf(content));
  });
});
