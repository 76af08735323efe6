import { mkdtempSync } from 'node:fs';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { copySnapshots } from '../../src/repository/copy.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import type { FileType, Storage } from '../../src/storage/storage.ts';
import { codeOf, errorOf } from '../contract/storage.ts';
import { differences, filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';

describe('a storage that shows late what was saved last', () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-late-'));
  const template = join(work, 'template');
  const folder = join(work, 'repository');
  const source = join(work, 'source');
  let older: string;
  let newer: string;
  let content: Map<string, Buffer>;
  /** Of the newer snapshot, by type. */
  const late = new Map<FileType, Set<string>>();

  beforeAll(async () => {
    const random = seeded(88);
    await mkdir(source);
    await writeFile(join(source, 'first'), random.bytes(700_000));
    const storage = new LocalStorage(template);
    const repository = await createRepository(storage, 'pw');
    const namesOf = async (type: FileType) => (await storage.list(type)).map(({ name }) => name);
    older = await saveFolder(repository, source);
    const before = new Set<string>();
    for (const type of ['snapshot', 'index', 'pack'] as const)
      for (const name of await namesOf(type)) before.add(name);
    await writeFile(join(source, 'second'), random.bytes(900_000));
    newer = await saveFolder(repository, source);
    for (const type of ['snapshot', 'index', 'pack'] as const)
      late.set(type, new Set((await namesOf(type)).filter((name) => !before.has(name))));
    await repository.close();
    content = new Map([...(await filesIn(source))].map(([path, bytes]) => [`data/files/${path}`, bytes]));
  });
  beforeEach(async () => {
    await rm(folder, { recursive: true, force: true });
    await cp(template, folder, { recursive: true });
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  const isLate = (type: FileType, name: string, types: readonly FileType[]) =>
    types.includes(type) && (late.get(type)?.has(name) ?? false);

  /** `listed`: what lists leave out; `readable`: what is not even there when it is asked for. */
  function storageWith(unlisted: readonly FileType[], unreadable: readonly FileType[] = []): Storage {
    const inner = new LocalStorage(folder);
    return {
      url: inner.url,
      initialise: () => inner.initialise(),
      save: (file, bytes) => inner.save(file, bytes),
      load: (file, range) =>
        isLate(file.type, file.name, unreadable)
          ? Promise.reject(
              new RelocateError('storage-failed', 'It is not there yet.', { facts: { missing: true } }),
            )
          : inner.load(file, range),
      size: (file) => inner.size(file),
      list: async (type) => (await inner.list(type)).filter(({ name }) => !isLate(type, name, unlisted)),
      remove: (file) => inner.remove(file),
      close: () => inner.close(),
    };
  }

  async function using<T>(storage: Storage, use: (repository: Repository) => Promise<T>): Promise<T> {
    const repository = await openRepository(storage, 'pw');
    try {
      return await use(repository);
    } finally {
      await repository.close();
    }
  }

  /** Whatever was done before: in the end both are whole, because nothing was lost or written wrongly. */
  async function expectAllThere(): Promise<void> {
    await using(new LocalStorage(folder), async (repository) => {
      expect((await repository.check({ readDataPercent: 100 })).errors).toEqual([]);
      const { files, problems } = await restoreFiles(repository, newer, work);
      expect({ problems, different: differences(files, content) }).toEqual({ problems: [], different: [] });
      expect((await restoreFiles(repository, older, work)).problems).toEqual([]);
    });
  }

  const wrongOf = (files: Map<string, Buffer>) =>
    [...files].filter(([path, bytes]) => content.get(path)?.equals(bytes) !== true).map(([path]) => path);

  test('a snapshot listed late: named by its ID it is missing, clearly, and the older one is whole', async () => {
    await using(storageWith(['snapshot']), async (repository) => {
      expect(await codeOf(repository.findSnapshot(newer.slice(0, 8)))).toBe('snapshot-missing');
      const { files, problems } = await restoreFiles(repository, older, work);
      expect({ problems, wrong: wrongOf(files), count: files.size }).toEqual({
        problems: [],
        wrong: [],
        count: 1,
      });
    });
    await expectAllThere();
  });

  test.each<[string, FileType[], FileType[]]>([
    ['an index listed late', ['index'], []],
    ['packs that cannot be read yet', ['pack'], ['pack']],
  ])(
    '%s: the restore says what it lacks, check too, and no byte is wrong',
    async (_, unlisted, unreadable) => {
      await using(storageWith(unlisted, unreadable), async (repository) => {
        const { files, problems } = await restoreFiles(repository, newer, work);
        expect(problems.length).toBeGreaterThan(0);
        for (const problem of problems)
          if (problem instanceof Error) expect(problem).toBeInstanceOf(RelocateError);
        expect(wrongOf(files)).toEqual([]);
        expect((await repository.check({ readDataPercent: 100 })).errors.length).toBeGreaterThan(0);
      });
      await expectAllThere();
    },
  );

  test.each<[string, FileType[], FileType[]]>([
    ['an index listed late', ['index'], []],
    ['packs listed late', ['pack'], []],
    ['packs that cannot be read yet', ['pack'], ['pack']],
  ])('%s: prune refuses and removes nothing', async (_, unlisted, unreadable) => {
    const before = await readdir(folder, { recursive: true });
    await using(storageWith(unlisted, unreadable), async (repository) => {
      const pruning = repository.withLock('exclusive', {}, () =>
        repository.prune({ maxUnusedBytes: () => 0, maxRepackBytes: Infinity }),
      );
      const error = await errorOf(pruning);
      expect(error.code).toBe('repository-damaged');
      expect(error.hint).toBeDefined();
    });
    expect((await readdir(folder, { recursive: true })).toSorted()).toEqual(before.toSorted());
    await expectAllThere();
  });

  test.each<[string, FileType[]]>([
    ['an index listed late', ['index']],
    ['everything listed late', ['snapshot', 'index', 'pack']],
  ])('%s: a snapshot made meanwhile stores some of it twice, and is whole', async (_, unlisted) => {
    const id = await using(storageWith(unlisted), (repository) => saveFolder(repository, source));
    await using(new LocalStorage(folder), async (repository) => {
      const { files, problems } = await restoreFiles(repository, id, work);
      expect({ problems, different: differences(files, content) }).toEqual({ problems: [], different: [] });
    });
    await expectAllThere();
  });

  test('an index listed late: a copy names the snapshot that it cannot copy yet, and copies the other', async () => {
    const target = join(work, 'target');
    await (await createRepository(new LocalStorage(target), 'pw')).close();
    const copy = (from: Storage) =>
      using(from, (one) => using(new LocalStorage(target), (two) => copySnapshots(one, two)));
    const early = await copy(storageWith(['index']));
    expect(early.copied.map(({ from }) => from)).toEqual([older]);
    expect(early.failed.map(({ snapshot }) => snapshot)).toEqual([newer]);
    const later = await copy(new LocalStorage(folder));
    expect(later.copied.map(({ from }) => from)).toEqual([newer]);
    await using(new LocalStorage(target), async (repository) =>
      expect(await repository.check({ readDataPercent: 100 })).toMatchObject({ errors: [], snapshots: 2 }),
    );
  });
});
