import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BlobTable } from '../../src/repository/blob-table.ts';
import { randomMasterKey } from '../../src/repository/crypto.ts';
import { loadDocument, saveDocument } from '../../src/repository/document.ts';
import { loadIndex, saveIndex } from '../../src/repository/index-files.ts';
import type { PackedBlob } from '../../src/repository/pack.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { codeOf, errorOf } from '../contract/storage.ts';
import { damage } from '../support/faulty-storage.ts';

const hex = () => randomBytes(32).toString('hex');
const packs = Array.from({ length: 5 }, hex);
/** Half of them begin alike: the table's hash is the beginning. */
const ids = Array.from({ length: 40 }, (_, at) => (at % 2 ? hex() : `00000000${hex().slice(8)}`));

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const additions = fc.array(
  fc.record({
    pack: fc.constantFrom(...packs),
    blob: fc.record({
      id: fc.constantFrom(...ids),
      type: fc.constantFrom('data' as const, 'tree' as const),
      offset: uint32,
      length: fc.integer({ min: 32, max: 2 ** 32 - 1 }),
      uncompressedLength: uint32,
    }),
  }),
  { maxLength: 120 },
);

/** What the table must answer, kept the plain way. */
function expectSame(table: BlobTable, added: readonly { pack: string; blob: PackedBlob }[]): void {
  expect(table.size).toBe(added.length);
  const flat = (one: { pack: string; blob: PackedBlob }) => ({ ...one.blob, pack: one.pack });
  expect([...table.entries()]).toEqual(added.map(flat));
  for (const type of ['data', 'tree'] as const) {
    for (const id of ids) {
      const places = added.filter(({ blob }) => blob.id === id && blob.type === type).map(flat);
      expect([...table.locations(type, id)]).toEqual(
        places.map(({ pack, offset, length, uncompressedLength }) => ({
          pack,
          offset,
          length,
          uncompressedLength,
        })),
      );
      expect(table.has(type, id)).toBe(places.length > 0);
      const [first] = places;
      expect(table.plainSize(type, id)).toBe(first && (first.uncompressedLength || first.length - 32));
    }
  }
}

describe('the table of blobs', () => {
  test('answers as a plain list would, with duplicates, both types of one ID, and IDs that begin alike', () => {
    fc.assert(
      fc.property(additions, (added) => {
        const table = new BlobTable();
        for (const { pack, blob } of added) table.add(pack, blob);
        expectSame(table, added);
      }),
    );
  });

  test('keeps one place once, and tells the entries and packs of all', () => {
    fc.assert(
      fc.property(additions, (added) => {
        const table = new BlobTable();
        for (const { pack, blob } of [...added, ...added.slice(0, 5)]) table.add(pack, blob);
        expectSame(table, added);
        const blobsOf = table.byPack();
        for (const [number, pack] of table.packs().entries())
          expect(blobsOf(number)).toEqual(added.filter((one) => one.pack === pack).map(({ blob }) => blob));
        for (const [entry, { pack, blob }] of added.entries()) {
          expect(table.packs()[table.packNumberAt(entry)]).toBe(pack);
          expect(table.packEnd(pack)).toBeGreaterThanOrEqual(blob.offset + blob.length);
          expect(table.entry(entry)).toEqual({ ...blob, pack });
          expect(table.rowOf(blob.type, blob.id)).toBe(
            added.findIndex((one) => one.blob.id === blob.id && one.blob.type === blob.type),
          );
        }
      }),
    );
  });

  test('takes IDs chosen to meet, and one blob in ever so many packs, in the time of others', () => {
    const shared = hex();
    const alike = Array.from(
      { length: 60_000 },
      (_, at) => `${at.toString(16).padStart(8, '0')}${shared.slice(8)}`,
    );
    const backwards = alike.map((id) => `${id.slice(32)}${id.slice(0, 32)}`);
    const blob = { type: 'data' as const, offset: 0, length: 132, uncompressedLength: 0 };
    const table = new BlobTable();
    const startedMs = performance.now();
    for (const id of [...alike, ...backwards]) table.add(packs[0] ?? '', { ...blob, id });
    for (const pack of alike) table.add(pack, { ...blob, id: shared });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(table.size).toBe(180_000);
    expect([...table.locations('data', shared)]).toHaveLength(60_000);
  });

  test('keeps everything while it grows past 100,000 blobs', () => {
    const table = new BlobTable();
    const added = Array.from({ length: 100_000 }, (_, at) => ({
      id: hex(),
      length: 32 + at,
      pack: packs[at % 5] ?? '',
    }));
    for (const { pack, id, length } of added)
      table.add(pack, { id, type: 'data', offset: length * 2, length, uncompressedLength: 0 });
    const wrong = added.filter(({ id, pack, length }) => {
      const [place, ...others] = table.locations('data', id);
      return (
        place?.pack !== pack || place.length !== length || place.offset !== length * 2 || others.length > 0
      );
    });
    expect(wrong).toEqual([]);
    expect(table.has('data', hex())).toBe(false);
    expect(table.packs().toSorted()).toEqual(packs.toSorted());
  });
});

describe('index files', () => {
  let folder: string;
  let storage: LocalStorage;
  const key = randomMasterKey();
  const blob = (id = hex(), more: Partial<PackedBlob> = {}): PackedBlob => ({
    id,
    type: 'data',
    offset: 0,
    length: 132,
    uncompressedLength: 0,
    ...more,
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-index-'));
    storage = new LocalStorage(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function onlyIndexes(...documents: unknown[]): Promise<void> {
    for (const { name } of await storage.list('index')) await storage.remove({ type: 'index', name });
    for (const document of documents) await saveDocument(storage, key, 'index', document, 2);
  }

  test.each([1, 2] as const)(
    'hold in version %d what was put into them, and a length only where one is',
    async (version) => {
      await onlyIndexes();
      const blobs = [blob(), blob(hex(), { offset: 132, type: 'tree', uncompressedLength: 4000 })];
      const name = await saveIndex(storage, key, new Map([[packs[0] ?? '', blobs]]), version);
      const table = await loadIndex(storage, key);
      expect([...table.entries()]).toEqual(blobs.map((one) => ({ ...one, pack: packs[0] })));
      const document = await loadDocument(storage, key, { type: 'index', name });
      expect(document).toEqual({
        packs: [
          {
            id: packs[0],
            blobs: [
              { id: blobs[0]?.id, type: 'data', offset: 0, length: 132 },
              { id: blobs[1]?.id, type: 'tree', offset: 132, length: 132, uncompressed_length: 4000 },
            ],
          },
        ],
      });
    },
  );

  test('that name one blob twice give both places; what one supersedes counts as long as it is there', async () => {
    const id = hex();
    const entry = { id, type: 'data', offset: 0, length: 132 };
    await onlyIndexes(
      { packs: [{ id: packs[0], blobs: [entry] }] },
      { supersedes: [hex()], packs: [{ id: packs[1], blobs: [entry] }] },
    );
    const places = [...(await loadIndex(storage, key)).locations('data', id)].map((place) => place.pack);
    expect(places.toSorted()).toEqual(packs.slice(0, 2).toSorted());
  });

  test('of dozens, read at once, none is lost', async () => {
    const all = Array.from({ length: 30 }, () => blob());
    await onlyIndexes(
      ...all.map(({ id, type, offset, length }) => ({
        packs: [{ id: hex(), blobs: [{ id, type, offset, length }] }],
      })),
    );
    const table = await loadIndex(storage, key);
    expect(table.size).toBe(30);
    for (const { id } of all) expect(table.has('data', id)).toBe(true);
  });

  test('that are empty, as Go writes them, are none', async () => {
    await onlyIndexes({ packs: null }, { packs: [] }, { packs: [{ id: packs[0], blobs: null }] });
    expect((await loadIndex(storage, key)).size).toBe(0);
  });

  const entry = { id: hex(), type: 'data', offset: 0, length: 132 };
  test.each<[string, unknown]>([
    ['no object', []],
    ['no packs', {}],
    ['a pack with a path for a name', { packs: [{ id: '../../etc/passwd', blobs: [] }] }],
    ['a blob of an unknown type', { packs: [{ id: hex(), blobs: [{ ...entry, type: 'link' }] }] }],
    ['a blob with half an ID', { packs: [{ id: hex(), blobs: [{ ...entry, id: 'abcd' }] }] }],
    ['a negative offset', { packs: [{ id: hex(), blobs: [{ ...entry, offset: -1 }] }] }],
    ['a length of no pack', { packs: [{ id: hex(), blobs: [{ ...entry, length: 2 ** 32 }] }] }],
    ['a length too short to be sealed', { packs: [{ id: hex(), blobs: [{ ...entry, length: 31 }] }] }],
    ['an offset of no pack', { packs: [{ id: hex(), blobs: [{ ...entry, offset: 2 ** 40 }] }] }],
    [
      'a plaintext of no blob',
      { packs: [{ id: hex(), blobs: [{ ...entry, uncompressed_length: 2 ** 33 }] }] },
    ],
  ])('with %s are damage', async (_, document) => {
    await onlyIndexes(document);
    const error = await errorOf(loadIndex(storage, key));
    expect(error.code).toBe('repository-damaged');
    expect(error.message).toContain('index');
  });

  test.each(['truncate', 'flip'] as const)('with damage (%s) are named', async (how) => {
    await onlyIndexes({ packs: [{ id: hex(), blobs: [entry] }] });
    const [{ name } = { name: '' }] = await storage.list('index');
    await storage.save({ type: 'index', name }, [damage(await storage.load({ type: 'index', name }), how)]);
    expect((await errorOf(loadIndex(storage, key))).message).toContain(`index ${name.slice(0, 8)}`);
  });

  test('under another’s name are damage, though every byte is whole', async () => {
    await onlyIndexes({ packs: [] });
    const [{ name } = { name: '' }] = await storage.list('index');
    const bytes = await storage.load({ type: 'index', name });
    await storage.save({ type: 'index', name: hex() }, [bytes]);
    expect(await codeOf(loadIndex(storage, key))).toBe('repository-damaged');
  });
});
