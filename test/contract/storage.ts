import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { RelocateError, type ErrorCode } from '../../src/errors.ts';
import { fileTypes, type FileType, type Storage, type StorageFile } from '../../src/storage/storage.ts';
import { seeded } from '../support/random.ts';

/** What a storage's test brings: an empty place, opened but not initialised yet. */
export interface StorageCase {
  storage: Storage;
  /** The same place opened by somebody else, as another process would see it. */
  again(): Promise<Storage>;
  cleanUp(): Promise<void>;
}

export const named = (type: FileType, content: Uint8Array): StorageFile => ({
  type,
  name: type === 'config' ? '' : createHash('sha256').update(content).digest('hex'),
});

const hostileNames = [
  '../../../../etc/passwd',
  '..',
  '',
  '/etc/passwd',
  `${'a'.repeat(62)}/..`,
  'A'.repeat(64),
  'a'.repeat(63),
  'a'.repeat(65),
  `${'a'.repeat(64)}\n`,
  `${'a'.repeat(32)}\0${'a'.repeat(31)}`,
];

/** The error that `work` ends with; it must be one of the program's own. */
export async function errorOf(work: Promise<unknown>): Promise<RelocateError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof RelocateError) return error;
  throw new Error('expected a RelocateError', { cause: error });
}

export async function codeOf(work: Promise<unknown>): Promise<ErrorCode> {
  return (await errorOf(work)).code;
}

/** What every storage promises: the comments of `Storage`, proven. */
export function storageContract(name: string, setUp: () => Promise<StorageCase>): void {
  describe(`${name} keeps the contract of a storage`, () => {
    let subject: StorageCase;
    let storage: Storage;
    const random = seeded(64);

    // One place for all of them, emptied after each: making one costs a second on some storages.
    beforeAll(async () => {
      subject = await setUp();
      storage = subject.storage;
      await storage.initialise();
    });
    afterEach(async () => {
      for (const type of fileTypes)
        for (const { name } of await storage.list(type)) await storage.remove({ type, name });
    });
    afterAll(async () => {
      await storage.close();
      await subject.cleanUp();
    });

    async function save(type: FileType, content: Uint8Array): Promise<StorageFile> {
      const file = named(type, content);
      await storage.save(file, [content]);
      return file;
    }

    test.each(fileTypes)('a file of type %s comes back as it was saved, for others too', async (type) => {
      const content = random.bytes(70_001);
      const file = await save(type, content);
      const other = await subject.again();
      expect((await storage.load(file)).equals(content)).toBe(true);
      expect((await other.load(file)).equals(content)).toBe(true);
      expect(await other.size(file)).toBe(content.length);
      expect(await other.list(type)).toEqual([{ name: file.name, sizeBytes: content.length }]);
      for (const another of fileTypes.filter((one) => one !== type))
        expect(await storage.list(another)).toEqual([]);
      await other.close();
    });

    test('content in thousands of parts, some of them empty, is stored in order', async () => {
      const parts = Array.from({ length: 5_000 }, (_, at) => random.bytes(at % 7));
      const whole = Buffer.concat(parts);
      const file = named('pack', whole);
      await storage.save(file, parts);
      expect((await storage.load(file)).equals(whole)).toBe(true);
    });

    test('an empty file is a file', async () => {
      const file = await save('snapshot', Buffer.alloc(0));
      expect(await storage.size(file)).toBe(0);
      expect(await storage.load(file)).toHaveLength(0);
      expect(await storage.list('snapshot')).toEqual([{ name: file.name, sizeBytes: 0 }]);
    });

    test.each([
      [0, 1],
      [0, 100_000],
      [99_999, 1],
      [31_337, 4_242],
      [500, 0],
    ])('a range from %d of %d bytes is exactly that', async (offset, length) => {
      const content = random.bytes(100_000);
      const file = await save('pack', content);
      const range = await storage.load(file, { offset, length });
      expect(range.equals(content.subarray(offset, offset + length))).toBe(true);
    });

    test.each([
      [99_999, 2],
      [100_000, 1],
      [5_000_000, 10],
      [0, 2 ** 40],
    ])(
      'a range from %d of %d bytes, which is not there, is an error and never less',
      async (offset, length) => {
        const file = await save('pack', random.bytes(100_000));
        const error = await errorOf(storage.load(file, { offset, length }));
        expect(error.code).toBe('storage-failed');
        expect(error.facts['missing']).not.toBe(true);
      },
    );

    test('a missing file has no size, is an error with the fact “missing” to load, and none to remove', async () => {
      const file = named('index', Buffer.from('never saved'));
      expect(await storage.size(file)).toBeUndefined();
      await storage.remove(file);
      for (const range of [undefined, { offset: 0, length: 1 }]) {
        const error = await errorOf(storage.load(file, range));
        expect(error).toMatchObject({ code: 'storage-failed', facts: { missing: true } });
      }
    });

    test('a removed file is gone from everywhere, and its neighbours stay', async () => {
      const gone = await save('snapshot', Buffer.from('gone'));
      const stays = await save('snapshot', Buffer.from('stays'));
      await storage.remove(gone);
      expect(await storage.size(gone)).toBeUndefined();
      expect((await errorOf(storage.load(gone))).facts['missing']).toBe(true);
      expect(await storage.list('snapshot')).toEqual([{ name: stays.name, sizeBytes: 5 }]);
    });

    test('saving what is there already is no error, and the last content counts', async () => {
      const content = random.bytes(50_000);
      const file = await save('pack', content);
      await storage.save(file, [content]);
      expect((await storage.load(file)).equals(content)).toBe(true);
      await storage.save({ type: 'config', name: '' }, [Buffer.from('a longer first')]);
      await storage.save({ type: 'config', name: '' }, [Buffer.from('second')]);
      expect((await storage.load({ type: 'config', name: '' })).toString()).toBe('second');
      expect(await storage.list('pack')).toHaveLength(1);
    });

    test('the same file saved by many at once is there once, and whole', async () => {
      const content = random.bytes(300_000);
      const file = named('pack', content);
      const other = await subject.again();
      await Promise.all(
        Array.from({ length: 12 }, (_, at) => (at % 2 ? storage : other).save(file, [content])),
      );
      expect(await storage.list('pack')).toEqual([{ name: file.name, sizeBytes: content.length }]);
      expect((await storage.load(file)).equals(content)).toBe(true);
      await other.close();
    });

    test('while a file is being saved, others see nothing of it or all of it', async () => {
      const content = Buffer.alloc(24 * 1024 * 1024, random.bytes(4_099));
      const file = named('pack', content);
      const other = await subject.again();
      const state = { isSaving: true };
      const saving = storage.save(file, [content]).finally(() => (state.isSaving = false));
      const seen = new Set<number | undefined>();
      do {
        seen.add(await other.size(file));
        for (const listed of await other.list('pack')) seen.add(listed.sizeBytes);
      } while (state.isSaving);
      await saving;
      expect([...seen].filter((size) => size !== undefined && size !== content.length)).toEqual([]);
      expect(await other.size(file)).toBe(content.length);
      await other.close();
    });

    test('a save that fails on its way leaves nothing to be seen', async () => {
      const content = random.bytes(100_000);
      const file = named('pack', content);
      // The type forbids it; a buffer that was handed over to a thread too early looks like this from below.
      const broken = [content, undefined as unknown as Uint8Array];
      expect(await codeOf(storage.save(file, broken))).toBe('storage-failed');
      expect(await storage.size(file)).toBeUndefined();
      expect(await storage.list('pack')).toEqual([]);
      await storage.save(file, [content]);
      expect((await storage.load(file)).equals(content)).toBe(true);
    });

    test('hundreds of files are all listed, with their sizes', async () => {
      const files = Array.from({ length: 700 }, (_, at) => Buffer.from('x'.repeat(at)));
      await Promise.all(files.map((content) => storage.save(named('pack', content), [content])));
      const listed = new Map((await storage.list('pack')).map((one) => [one.name, one.sizeBytes]));
      expect(listed).toEqual(new Map(files.map((content) => [named('pack', content).name, content.length])));
    });

    test('initialising again keeps what is there', async () => {
      const file = await save('key', Buffer.from('a key'));
      const other = await subject.again();
      await other.initialise();
      await other.close();
      expect((await storage.load(file)).toString()).toBe('a key');
    });

    test.each(fileTypes.filter((type) => type !== 'config'))(
      'hostile names of type %s are refused by every call',
      async (type) => {
        for (const name of hostileNames) {
          const file = { type, name };
          const codes = [
            await codeOf(storage.save(file, [Buffer.from('x')])),
            await codeOf(storage.load(file)),
            await codeOf(storage.size(file)),
            await codeOf(storage.remove(file)),
          ];
          expect({ name, codes: new Set(codes) }).toEqual({ name, codes: new Set(['repository-damaged']) });
        }
        expect(await storage.list(type)).toEqual([]);
      },
    );

    test('its URL holds no secret', () => {
      expect(storage.url).not.toMatch(/password|secret|:[^/@]*@/i);
    });
  });
}
