import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RelocateError } from '../../src/errors.ts';
import { compress, decompress, maxPlainBytes } from '../../src/repository/compression.ts';
import { open, randomMasterKey, seal } from '../../src/repository/crypto.ts';
import { decodeDocument, encodeDocument, loadDocument, saveDocument } from '../../src/repository/document.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { codeOf, errorOf } from '../contract/storage.ts';
import { damage, faultyStorage } from '../support/faulty-storage.ts';
const key = randomMasterKey();

function errorFrom(work: () => unknown): RelocateError {
  try {
    work();
  } catch (error) {
    if (error instanceof RelocateError) return error;
    throw error;
  }
  throw new Error('expected a RelocateError');
}

describe('documents', () => {
  test.each([1, 2] as const)('of version %d give back any JSON', (version) => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const document = { value };
        const sealed = encodeDocument(key, document, version);
        expect(decodeDocument(key, sealed, 'snapshot', 'it')).toEqual(JSON.parse(JSON.stringify(document)));
      }),
    );
  });

  test('are plain JSON in version 1, and marked and compressed in version 2', () => {
    const document = { text: 'x'.repeat(1000) };
    const plain = open(key, encodeDocument(key, document, 1));
    expect(plain?.toString()).toBe(JSON.stringify(document));
    const packed = open(key, encodeDocument(key, document, 2));
    expect(packed?.[0]).toBe(2);
    expect(packed?.length).toBeLessThan(100);
    expect(decompress(packed?.subarray(1) ?? Buffer.alloc(0)).toString()).toBe(JSON.stringify(document));
  });

  test('are read in either form, lists as well, whatever the version', () => {
    expect(decodeDocument(key, seal(key, Buffer.from('["a list"]')), 'snapshot', 'it')).toEqual(['a list']);
    expect(decodeDocument(key, seal(key, Buffer.from('{"a":1}\n')), 'snapshot', 'it')).toEqual({ a: 1 });
  });

  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['an unknown mark', Buffer.from([3, 0x7b, 0x7d])],
    ['text', Buffer.from('hello')],
    ['half of its JSON', Buffer.from('{"a":')],
    ['a mark and nothing after it', Buffer.of(2)],
    ['a mark and no zstd', Buffer.concat([Buffer.of(2), Buffer.from('{"a":1}')])],
    ['half a zstd frame', Buffer.concat([Buffer.of(2), compress(randomBytes(500)).subarray(0, 250)])],
    ['a compressed half of its JSON', Buffer.concat([Buffer.of(2), compress(Buffer.from('{"a":'))])],
  ])('that hold %s are damage and named, though sealed with the right key', (_, plaintext) => {
    const error = errorFrom(() => decodeDocument(key, seal(key, plaintext), 'snapshot', 'snapshot 01234567'));
    expect(error.code).toBe('repository-damaged');
    expect(error.message).toContain('snapshot 01234567');
  });

  test('with any bit turned over are damage', () => {
    const sealed = encodeDocument(key, { a: 1 }, 2);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(errorFrom(() => decodeDocument(key, flipped, 'snapshot', 'it')).code).toBe('repository-damaged');
    }
  });
});

describe('stored documents', () => {
  let folder: string;
  let storage: LocalStorage;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-document-'));
    storage = new LocalStorage(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('under another’s name are damage: a snapshot cannot be passed off as an older one', async () => {
    const older = await saveDocument(storage, key, 'snapshot', { tree: 'old' }, 2);
    const newer = await saveDocument(storage, key, 'snapshot', { tree: 'new' }, 2);
    const bytes = await storage.load({ type: 'snapshot', name: older });
    await storage.save({ type: 'snapshot', name: newer }, [bytes]);
    expect(await loadDocument(storage, key, { type: 'snapshot', name: older })).toEqual({ tree: 'old' });
    const error = await errorOf(loadDocument(storage, key, { type: 'snapshot', name: newer }));
    expect(error.code).toBe('repository-damaged');
    expect(error.message).toContain(`snapshot ${newer.slice(0, 8)}`);
  });

  test.each(['truncate', 'flip'] as const)('damaged on their way here (%s) are never taken', async (how) => {
    const name = await saveDocument(storage, key, 'index', { packs: [] }, 2);
    const faulty = faultyStorage(storage, [{ call: 'load', how, times: 1 }]);
    expect(await codeOf(loadDocument(faulty, key, { type: 'index', name }))).toBe('repository-damaged');
    expect(await loadDocument(faulty, key, { type: 'index', name })).toEqual({ packs: [] });
  });

  test('the config, which has no digest for a name, is still authenticated', async () => {
    const file = { type: 'config', name: '' } as const;
    await storage.save(file, [damage(seal(key, Buffer.from('{"version":2}')), 'flip')]);
    expect((await errorOf(loadDocument(storage, key, file))).message).toContain('the config file');
  });
});

describe('compression', () => {
  test('gives back anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        expect(decompress(compress(bytes)).equals(bytes)).toBe(true);
        expect(decompress(compress(bytes), bytes.length).equals(bytes)).toBe(true);
      }),
    );
  });

  test('writes the plaintext’s length into the frame, as restic’s reader expects', () => {
    // RFC 8878: bit 5 of the descriptor is a single segment, whose content size is always there.
    for (const length of [1, 300, 70_000, 9_000_000]) {
      const frame = compress(Buffer.alloc(length, 'text '));
      const descriptor = frame[4] ?? 0;
      expect(descriptor >> 6 > 0 || (descriptor & 0x20) !== 0).toBe(true);
    }
  });

  test('a bomb is stopped at the length that was stated, and at the limit where none was', () => {
    const bomb = zstdCompressSync(Buffer.alloc(maxPlainBytes + 1));
    expect(bomb.length).toBeLessThan(100_000);
    const before = process.memoryUsage().rss;
    expect(errorFrom(() => decompress(bomb, 1_000_000)).code).toBe('repository-damaged');
    expect(errorFrom(() => decompress(bomb, 0)).code).toBe('repository-damaged');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    expect(errorFrom(() => decompress(bomb)).code).toBe('repository-damaged');
    expect(
      errorFrom(() => decodeDocument(key, seal(key, Buffer.concat([Buffer.of(2), bomb])), 'snapshot', 'it'))
        .code,
    ).toBe('repository-damaged');
  });

  test('half a frame is damage and never half the content', () => {
    const frame = compress(randomBytes(10_000));
    for (const length of [0, 1, 4, 10, 5_000, frame.length - 1])
      expect(errorFrom(() => decompress(frame.subarray(0, length))).code).toBe('repository-damaged');
  });
});
