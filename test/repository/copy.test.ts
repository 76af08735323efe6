import { mkdtempSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { copySnapshots } from '../../src/repository/copy.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { codeOf } from '../contract/storage.ts';
import { damage, faultyStorage } from '../support/faulty-storage.ts';
import { differences, filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';

describe('snapshots copied to another repository', () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-copy-'));
  const source = join(work, 'source');
  const from = join(work, 'from');
  const contents: Map<string, Buffer>[] = [];
  const ids: string[] = [];

  beforeAll(async () => {
    const random = seeded(4711);
    await mkdir(join(source, 'folder'), { recursive: true });
    await writeFile(join(source, 'large'), random.bytes(3_000_000));
    await writeFile(join(source, 'empty'), '');
    for (let at = 0; at < 30; at += 1) await writeFile(join(source, 'folder', `${at}`), random.bytes(2_000));
    const repository = await createRepository(new LocalStorage(from), 'pw');
    for (const name of ['first', 'second', 'third']) {
      await writeFile(join(source, name), random.bytes(1_500_000));
      ids.push(await saveFolder(repository, source));
      contents.push(inSlot(await filesIn(source)));
    }
    await repository.close();
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  const inSlot = (files: Map<string, Buffer>) =>
    new Map([...files].map(([path, content]) => [`data/files/${path}`, content]));

  let made = 0;
  async function emptyRepository(): Promise<string> {
    const folder = join(work, `to-${(made += 1)}`);
    await (await createRepository(new LocalStorage(folder), 'other')).close();
    return folder;
  }

  async function withBoth<T>(
    fromStorage: Storage,
    toStorage: Storage,
    use: (from: Repository, to: Repository) => Promise<T>,
  ): Promise<T> {
    const source = await openRepository(fromStorage, 'pw');
    const target = await openRepository(toStorage, 'other');
    try {
      return await source.withLock('shared', {}, () =>
        target.withLock('shared', {}, () => use(source, target)),
      );
    } finally {
      await source.close();
      await target.close();
    }
  }

  const copyAll = (to: string, fromFolder = from) =>
    withBoth(new LocalStorage(fromFolder), new LocalStorage(to), (source, target) =>
      copySnapshots(source, target),
    );

  async function expectWhole(to: string, snapshot: string, expected: Map<string, Buffer>): Promise<void> {
    const repository = await openRepository(new LocalStorage(to), 'other');
    const { files, problems } = await restoreFiles(repository, snapshot, work);
    expect({ problems, differences: differences(files, expected) }).toEqual({
      problems: [],
      differences: [],
    });
    await repository.close();
  }

  async function expectSound(to: string, snapshots: number): Promise<void> {
    const repository = await openRepository(new LocalStorage(to), 'other');
    expect(await repository.check({ readDataPercent: 100 })).toMatchObject({
      errors: [],
      hints: [],
      snapshots,
    });
    await repository.close();
  }

  test('come back there byte for byte, under another key, and name what they are copies of', async () => {
    const to = await emptyRepository();
    const { copied, present, failed, addedBytes } = await copyAll(to);
    expect(copied.map((one) => one.from)).toEqual(ids);
    expect({ present, failed }).toEqual({ present: [], failed: [] });
    expect(addedBytes).toBeGreaterThan(7_500_000);
    for (const [at, one] of copied.entries()) await expectWhole(to, one.to, contents[at] ?? new Map());
    await expectSound(to, 3);
    const repository = await openRepository(new LocalStorage(to), 'other');
    expect((await repository.snapshots()).map((snapshot) => snapshot.original)).toEqual(ids);
    await repository.close();
  });

  test('copied again: nothing is written', async () => {
    const to = await emptyRepository();
    await copyAll(to);
    const before = [...(await filesIn(to)).keys()];
    expect(await copyAll(to)).toMatchObject({ copied: [], present: ids, failed: [], addedBytes: 0 });
    expect([...(await filesIn(to)).keys()]).toEqual(before);
  });

  test('a copy of a copy is the same snapshot, also back where it came from', async () => {
    const [second, third] = [await emptyRepository(), await emptyRepository()];
    await copyAll(second);
    await withBoth(new LocalStorage(from), new LocalStorage(third), async (first, last) => {
      const middle = await openRepository(new LocalStorage(second), 'other');
      expect((await copySnapshots(middle, last)).copied).toHaveLength(3);
      expect(await copySnapshots(first, last)).toMatchObject({ copied: [], present: ids });
      expect((await copySnapshots(last, first)).copied).toEqual([]);
      await middle.close();
    });
  });

  test('what a later version added to a snapshot is kept, its parent is not', async () => {
    const to = await emptyRepository();
    await withBoth(new LocalStorage(from), new LocalStorage(to), async (first, last) => {
      const [snapshot] = await first.snapshots();
      const { id: _, ...document } = snapshot ?? { id: '', time: '', tree: '', paths: [] };
      const odd = { ...document, colour: 'green', parent: 'ab'.repeat(32), tags: ['odd'] };
      const id = await first.saveSnapshot(odd);
      const chosen = [await first.findSnapshot(id)];
      const { copied } = await copySnapshots(first, last, { snapshots: chosen });
      expect(copied).toHaveLength(1);
      const { parent: __, ...rest } = odd;
      expect(await last.snapshotDocument(copied[0]?.to ?? '')).toEqual({ ...rest, original: id });
      await new LocalStorage(from).remove({ type: 'snapshot', name: id });
    });
  });

  test('one that was finished after the index was loaded is copied whole', async () => {
    const folder = join(work, 'late');
    await (await createRepository(new LocalStorage(folder), 'pw')).close();
    const to = await emptyRepository();
    await withBoth(new LocalStorage(folder), new LocalStorage(to), async (first, last) => {
      await first.loadIndex();
      const other = await openRepository(new LocalStorage(folder), 'pw');
      const id = await saveFolder(other, source);
      await other.close();
      expect(await copySnapshots(first, last)).toMatchObject({ copied: [{ from: id }], failed: [] });
    });
    await expectSound(to, 1);
  });

  test('one that lost a blob is named, the others are copied, and once it is mended it follows', async () => {
    const folder = join(work, 'damaged');
    const to = await emptyRepository();
    await (await createRepository(new LocalStorage(folder), 'other')).close();
    await copyAll(folder);
    const packs = [...(await filesIn(folder)).keys()].filter((path) => path.startsWith('data/'));
    const path = join(folder, packs[0] ?? '');
    const sound = await readFile(path);
    await chmod(path, 0o600);
    await writeFile(path, damage(sound, 'flip'));
    const copyDamaged = async () => {
      const source = await openRepository(new LocalStorage(folder), 'other');
      const target = await openRepository(new LocalStorage(to), 'other');
      const result = await copySnapshots(source, target);
      await source.close();
      await target.close();
      return result;
    };
    const first = await copyDamaged();
    expect(first.failed.length).toBeGreaterThan(0);
    expect(first.failed[0]?.reason).toMatch(/damaged/);
    await expectSound(to, first.copied.length);
    await writeFile(path, sound);
    const then = await copyDamaged();
    expect(then.failed).toEqual([]);
    expect(then.copied).toHaveLength(first.failed.length);
    await expectSound(to, 3);
  });

  test.each([
    ['at a pack', { call: 'save', type: 'pack', nth: 1 }],
    ['at the index', { call: 'save', type: 'index' }],
    ['at the first snapshot', { call: 'save', type: 'snapshot' }],
    ['at the second snapshot', { call: 'save', type: 'snapshot', nth: 2 }],
  ] as const)(
    'a destination that fails %s: no copy of less than everything, and the next run goes on',
    async (_, fault) => {
      const to = await emptyRepository();
      const storage = faultyStorage(new LocalStorage(to));
      const code = await codeOf(
        withBoth(new LocalStorage(from), storage, (source, target) => {
          storage.setFaults([{ ...fault, how: 'fail' }]);
          return copySnapshots(source, target).finally(() => storage.setFaults([]));
        }),
      );
      expect(code).toBe('storage-failed');
      const there = (await readdir(join(to, 'snapshots'))).length;
      const { copied, present } = await copyAll(to);
      expect({ copied: copied.length, present: present.length }).toEqual({
        copied: 3 - there,
        present: there,
      });
      const repository = await openRepository(new LocalStorage(to), 'other');
      expect(await repository.check({ readDataPercent: 100 })).toMatchObject({ errors: [], snapshots: 3 });
      await repository.close();
    },
  );

  test('a source that stops answering ends it: that is no damage', async () => {
    const to = await emptyRepository();
    const storage = faultyStorage(new LocalStorage(from));
    const code = await codeOf(
      withBoth(storage, new LocalStorage(to), async (source, target) => {
        await source.loadIndex();
        storage.setFaults([{ call: 'load', type: 'pack', how: 'fail' }]);
        return copySnapshots(source, target);
      }),
    );
    expect(code).toBe('storage-failed');
    expect(await readdir(join(to, 'snapshots'))).toEqual([]);
  });
});
