import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadConfig, type Config } from '../../src/repository/config.ts';
import { copySnapshots } from '../../src/repository/copy.ts';
import { idOf, open, seal, type MasterKey } from '../../src/repository/crypto.ts';
import { decodeDocument, encodeDocument } from '../../src/repository/document.ts';
import { Engine } from '../../src/repository/engine.ts';
import { createRepository } from '../../src/repository/index.ts';
import { unlockMaster } from '../../src/repository/key.ts';
import { headerLength } from '../../src/repository/pack.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { FileType, Storage } from '../../src/storage/storage.ts';
import { saveFolder } from '../support/folder-snapshot.ts';
import { complaintsOf, mutateBytes, mutateJson } from '../support/hostile.ts';
import { memoryStorage } from '../support/memory-storage.ts';
import { seeded } from '../support/random.ts';

const cases = Number(process.env['RELOCATE_TEST_HOSTILE_CASES'] ?? 20);
const seed = Number(process.env['RELOCATE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe(`hostile repositories, ${cases} of each kind (seed ${seed})`, () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-hostile-'));
  const sound = new Map<string, Buffer>();
  let lock: [string, Buffer];
  let key: MasterKey;
  let config: Config;
  let keyId: string;
  let tree: Buffer;

  beforeAll(async () => {
    await mkdir(join(work, 'source', 'folder'), { recursive: true });
    const random = seeded(666);
    await writeFile(join(work, 'source', 'large'), random.bytes(700_000));
    for (let at = 0; at < 5; at += 1)
      await writeFile(join(work, 'source', 'folder', `${at}`), `file ${at} `.repeat(99));
    const storage = memoryStorage();
    const repository = await createRepository(storage, 'pw');
    const first = await saveFolder(repository, join(work, 'source'));
    tree = await repository.loadBlob('tree', (await repository.findSnapshot(first)).tree);
    for (const [name, content] of await filesOf(storage)) sound.set(name, content);
    await repository.withLock('shared', {}, async () => {
      const [{ name } = { name: '' }] = await storage.list('lock');
      lock = [`lock ${name}`, await storage.load({ type: 'lock', name })];
    });
    await repository.close();
    ({ id: keyId, master: key } = await unlockMaster(storage, 'pw'));
    config = await loadConfig(storage, key);
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  const one = (type: FileType): [string, Buffer] => {
    const found = [lock, ...sound].find(([name]) => name.startsWith(`${type} `));
    if (found === undefined) throw new Error(`no ${type}`);
    return found;
  };

  /** The repository with one file in place of another, under the name that it has by its content. */
  function replaced(type: FileType, content: Buffer): Map<string, Buffer> {
    const files = new Map(sound);
    files.delete(one(type)[0]);
    files.set(type === 'config' ? 'config ' : `${type} ${idOf(content)}`, content);
    return files;
  }

  let made = 0;
  async function complaints(
    files: ReadonlyMap<string, Buffer>,
    more?: Parameters<typeof complaintsOf>[2],
  ): Promise<string[]> {
    const target = join(work, `target-${(made += 1)}`);
    try {
      return await complaintsOf(
        async () => new Engine(memoryStorage(files), key, config, keyId, { compression: 'auto' }),
        target,
        more,
      );
    } finally {
      await rm(target, { recursive: true, force: true });
    }
  }

  const seeds = fc.nat({ max: 2 ** 31 - 1 });
  const withSeeds = (run: (random: ReturnType<typeof seeded>) => Promise<void>, numRuns = cases) =>
    fc.assert(
      fc.asyncProperty(seeds, (own) => run(seeded(own))),
      { numRuns, seed, endOnFailure: true },
    );

  test('the sound one has nothing to complain of', async () => {
    expect(await complaints(sound)).toEqual([]);
  });

  test.each(['snapshot', 'index', 'lock'] as const)(
    'a document of type %s that says something else, well sealed: a clear error or a clear answer',
    async (type) => {
      const document = decodeDocument(key, one(type)[1], type, type);
      await withSeeds(async (random) => {
        const content =
          random.int(2) === 0
            ? encodeDocument(key, mutateJson(document, random), 2)
            : seal(key, mutateBytes(Buffer.from(JSON.stringify(document)), random));
        expect(await complaints(replaced(type, content))).toEqual([]);
      });
    },
    300_000,
  );

  test('config and key files that say something else: a clear error, and no long work', async () => {
    await withSeeds(async (random) => {
      const type = random.int(2) === 0 ? 'config' : 'key';
      const [, stored] = one(type);
      const plain = type === 'config' ? (open(key, stored) ?? Buffer.alloc(0)) : stored;
      const text =
        random.int(2) === 0
          ? Buffer.from(JSON.stringify(mutateJson(JSON.parse(plain.toString()), random)))
          : mutateBytes(plain, random);
      const storage = memoryStorage(replaced(type, type === 'config' ? seal(key, text) : text));
      const startedMs = performance.now();
      const said = await (type === 'config' ? loadConfig(storage, key) : unlockMaster(storage, 'pw')).then(
        () => 'opened',
        (error: unknown) => (error as { code?: unknown }).code,
      );
      expect(['opened', 'repository-damaged', 'repository-unsupported', 'wrong-password']).toContain(said);
      expect(performance.now() - startedMs).toBeLessThan(30_000);
    });
  }, 300_000);

  test('trees that say something else, with the right digest: restored in part, or refused', async () => {
    const parsed: unknown = JSON.parse(tree.toString());
    await withSeeds(async (random) => {
      const json =
        random.int(2) === 0
          ? Buffer.from(`${JSON.stringify(mutateJson(parsed, random))}\n`)
          : mutateBytes(tree, random);
      const files = await withSnapshotOf(async (repository) => repository.saveBlob('tree', json));
      expect(await complaints(files, { copy: copyToNew })).toEqual([]);
    });
  }, 300_000);

  test('packs whose own list says something else, under their right names: repaired without them', async () => {
    await withSeeds(async (random) => {
      const [name, pack] = one('pack');
      const length = headerLength(pack, pack.length);
      const header = open(key, pack.subarray(pack.length - 4 - length, -4)) ?? Buffer.alloc(0);
      const sealed = seal(key, mutateBytes(header, random));
      const end = Buffer.alloc(4);
      end.writeUInt32LE(random.int(4) === 0 ? random.int(2 ** 32) : sealed.length);
      const content = Buffer.concat([pack.subarray(0, pack.length - 4 - length), sealed, end]);
      const files = new Map(sound);
      files.delete(name);
      files.set(`pack ${idOf(content)}`, content);
      expect(await complaints(files, { repair })).toEqual([]);
    });
  }, 300_000);

  test('files of any type that are noise, or another file: a clear error or a clear answer', async () => {
    await withSeeds(async (random) => {
      const all = [...sound];
      const files = new Map(sound);
      const [name] = all[random.int(all.length)] ?? [''];
      const [, other] = all[random.int(all.length)] ?? ['', Buffer.alloc(0)];
      files.set(name, random.int(2) === 0 ? random.bytes(random.int(5_000)) : mutateBytes(other, random));
      expect(await complaints(files, { repair, copy: copyToNew })).toEqual([]);
    });
  }, 300_000);

  test.each<[string, () => Buffer]>([
    ['of 300 MiB of spaces', () => bomb(Buffer.alloc(300 * 2 ** 20, ' '))],
    ['of ten million brackets', () => bomb(Buffer.from('['.repeat(10_000_000)))],
    ['of ten million braces in a list', () => bomb(Buffer.from(`{"packs":[${'{},'.repeat(10_000_000)}{}]}`))],
    [
      'of one frame too many',
      () => Buffer.concat([bomb(Buffer.from('{}')), zstdCompressSync(Buffer.from('{}'))]),
    ],
    ['that is no zstd', () => Buffer.concat([Buffer.of(2), Buffer.alloc(500, 7)])],
  ])(
    'a document %s is refused',
    async (_, plaintext) => {
      for (const type of ['snapshot', 'index', 'lock'] as const)
        expect(await complaints(replaced(type, seal(key, plaintext())))).toEqual([]);
    },
    120_000,
  );

  const bomb = (plaintext: Buffer) => Buffer.concat([Buffer.of(2), zstdCompressSync(plaintext)]);

  /** The sound repository, and in it a newer snapshot of the tree that `save` stores. */
  async function withSnapshotOf(
    save: (repository: Repository) => Promise<string>,
  ): Promise<Map<string, Buffer>> {
    const storage = memoryStorage(sound);
    const repository = new Engine(storage, key, config, keyId, { compression: 'auto' });
    const id = await save(repository);
    await repository.flush();
    await repository.saveSnapshot({ time: new Date().toISOString(), tree: id, paths: ['/'] });
    await repository.close();
    return filesOf(storage);
  }

  async function filesOf(storage: Storage): Promise<Map<string, Buffer>> {
    const files = new Map<string, Buffer>();
    for (const type of ['config', 'key', 'snapshot', 'index', 'pack'] as const)
      for (const { name } of await storage.list(type))
        files.set(`${type} ${name}`, await storage.load({ type, name }));
    return files;
  }

  const repair = (repository: Repository) => repository.repairIndex();

  async function copyToNew(from: Repository): Promise<void> {
    const files = new Map([...sound].filter(([name]) => /^(config|key) /.test(name)));
    const to = new Engine(memoryStorage(files), key, config, keyId, { compression: 'auto' });
    try {
      await copySnapshots(from, to);
    } finally {
      await to.close();
    }
  }
});
