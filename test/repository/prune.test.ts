import { mkdtempSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { PruneOptions } from '../../src/repository/repository.ts';
import type { PruneResult } from '../../src/repository/types.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { codeOf, errorOf } from '../contract/storage.ts';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { faultyStorage } from '../support/faulty-storage.ts';
import { differences, filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';

const everything = { maxUnusedBytes: () => 0, maxRepackBytes: Infinity };

describe('prune', () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-prune-'));
  const source = join(work, 'source');
  const template = join(work, 'template');
  /** Those that stay, and what they must give back. */
  const kept: { id: string; content: Map<string, Buffer> }[] = [];

  beforeAll(async () => {
    const random = seeded(88);
    const repository = await createRepository(new LocalStorage(template), 'pw');
    const take = async () => {
      const id = await saveFolder(repository, source);
      const files = await filesIn(source);
      return { id, content: new Map([...files].map(([path, bytes]) => [`data/files/${path}`, bytes])) };
    };
    await mkdir(join(source, 'inner'), { recursive: true });
    await writeFile(join(source, 'common'), random.bytes(1_200_000));
    await writeFile(join(source, 'doomed'), random.bytes(2_000_000));
    for (let at = 0; at < 20; at += 1) await writeFile(join(source, 'inner', `${at}`), random.bytes(5_000));
    const first = await take();
    await rm(join(source, 'doomed'));
    for (let at = 0; at < 10; at += 1) await writeFile(join(source, 'inner', `${at}`), random.bytes(4_000));
    kept.push(await take());
    await writeFile(join(source, 'later'), random.bytes(600_000));
    const third = await take();
    await rm(join(source, 'later'));
    await writeFile(join(source, 'last'), 'a word');
    kept.push(await take());
    await repository.removeSnapshots([first.id, third.id]);
    await repository.close();
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  async function copy(): Promise<string> {
    const folder = await mkdtemp(join(work, 'copy-'));
    await cp(template, folder, { recursive: true });
    return folder;
  }

  async function prune(storage: Storage, options: Partial<PruneOptions> = {}): Promise<PruneResult> {
    const repository = await openRepository(storage, 'pw');
    try {
      return await repository.withLock('exclusive', {}, (signal) =>
        repository.prune({ ...everything, ...options, signal }),
      );
    } finally {
      await repository.close();
    }
  }

  async function expectKept(folder: string): Promise<{ hints: string[] }> {
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    const result = await repository.check({ readDataPercent: 100 });
    expect(result).toMatchObject({ errors: [], snapshots: kept.length });
    for (const { id, content } of kept) {
      const { files, problems } = await restoreFiles(repository, id, work);
      expect({ problems, wrong: differences(files, content) }).toEqual({ problems: [], wrong: [] });
    }
    await repository.close();
    return result;
  }

  const bytesOf = async (folder: string) =>
    [...(await filesIn(join(folder, 'data'))).values()].reduce((sum, { length }) => sum + length, 0);

  test('deletes what no snapshot needs, keeps every byte of the rest, and has nothing to do the next time', async () => {
    const folder = await copy();
    const before = await bytesOf(folder);
    const result = await prune(new LocalStorage(folder));
    expect(result).toMatchObject({ dryRun: false, remainingUnusedBytes: 0, unindexedPacks: 0 });
    expect(result.unusedBytes).toBeGreaterThan(2_600_000);
    expect(before - (await bytesOf(folder))).toBeGreaterThan(2_600_000);
    expect(await expectKept(folder)).toMatchObject({ hints: [] });
    expect(await readdir(join(folder, 'index'))).toHaveLength(1);
    const files = [...(await filesIn(folder)).keys()];
    expect(await prune(new LocalStorage(folder))).toMatchObject({
      freedBytes: 0,
      repackedPacks: 0,
      removedPacks: 0,
      unusedBlobs: 0,
      duplicateBlobs: 0,
    });
    expect([...(await filesIn(folder)).keys()]).toEqual(files);
  });

  (resticBinaries.length > 0 ? test : test.skip).each(resticBinaries)(
    'leaves a repository in which %s finds no error, and nothing to prune',
    async (binary) => {
      const folder = await copy();
      await prune(new LocalStorage(folder));
      const restic = resticRunner(binary, folder);
      expect(restic.run(['check', '--read-data'])).toContain('no errors were found');
      const said = restic.run(['prune', '--dry-run', '--max-unused', '0']);
      expect(said).toMatch(/to repack:\s+0 blobs/);
      expect(said).toMatch(/total prune:\s+0 blobs/);
      restic.run(['prune', '--max-unused', '0']);
      await expectKept(folder);
    },
  );

  test('dry: the same figures, and no file is written or deleted', async () => {
    const folder = await copy();
    const before = [...(await filesIn(folder)).keys()];
    const { dryRun, ...planned } = await prune(new LocalStorage(folder), { dryRun: true });
    expect(dryRun).toBe(true);
    expect([...(await filesIn(folder)).keys()]).toEqual(before);
    const { dryRun: _, ...done } = await prune(new LocalStorage(folder));
    expect(done).toEqual(planned);
  });

  test('dry, with snapshots counted as gone: says what forgetting them would free', async () => {
    const folder = await copy();
    const without = new Set(kept.map(({ id }) => id));
    const all = await prune(new LocalStorage(folder), { dryRun: true, without });
    expect(all).toMatchObject({ usedBlobs: 0, keptPacks: 0, repackedPacks: 0 });
    expect(await bytesOf(folder)).toBe(all.freedBytes);
  });

  test('with room for unused data, or none to write anew: keeps packs that are needed in part', async () => {
    const folder = await copy();
    const lenient = await prune(new LocalStorage(folder), { dryRun: true, maxUnusedBytes: () => Infinity });
    expect(lenient.remainingUnusedBytes).toBeGreaterThan(0);
    const none = await prune(new LocalStorage(folder), { maxRepackBytes: 0 });
    expect(none).toMatchObject({ repackedPacks: 0 });
    await expectKept(folder);
  });

  /** All that a prune changes, in order. */
  async function changesOf(folder: string): Promise<string[]> {
    const storage = faultyStorage(new LocalStorage(folder));
    await prune(storage);
    return storage.calls.filter((call) => /^(save|remove) (pack|index)/.test(call)).slice(2);
  }

  /** As of a process that died: what it did not do yet, it never does. */
  function stoppedAfter(storage: Storage, changes: number): Storage {
    let left = changes;
    const orStop = async (work: () => Promise<void>) => {
      left -= 1;
      if (left < 0) throw new RelocateError('storage-failed', 'The process is dead.');
      await work();
    };
    return {
      ...faultyStorage(storage),
      save: (file, content) =>
        file.type === 'lock' ? storage.save(file, content) : orStop(() => storage.save(file, content)),
      remove: (file) =>
        file.type === 'lock' || file.name === '0'.repeat(64)
          ? storage.remove(file)
          : orStop(() => storage.remove(file)),
    };
  }

  test('stopped after any number of its changes: nothing is lost, and the next run completes', async () => {
    const changes = await changesOf(await copy());
    expect(changes.length).toBeGreaterThan(6);
    for (let done = 0; done < changes.length; done += 1) {
      const folder = await copy();
      const stopped = prune(stoppedAfter(new LocalStorage(folder), done));
      expect([done, await codeOf(stopped)]).toEqual([done, 'storage-failed']);
      await expectKept(folder);
      await prune(new LocalStorage(folder));
      expect(await expectKept(folder)).toMatchObject({ hints: [] });
      await rm(folder, { recursive: true });
    }
  }, 300_000);

  test.each<[string, (folder: string) => Promise<void>]>([
    [
      'a snapshot that cannot be read',
      (folder) => writeFile(join(folder, 'snapshots', '0'.repeat(64)), 'no snapshot'),
    ],
    [
      'a pack that is needed and gone',
      async (folder) => {
        for (const path of (await filesIn(join(folder, 'data'))).keys()) await rm(join(folder, 'data', path));
      },
    ],
    [
      'a pack that is shorter than the index says',
      async (folder) => {
        for (const [path, bytes] of await filesIn(join(folder, 'data'))) {
          await rm(join(folder, 'data', path));
          await writeFile(join(folder, 'data', path), bytes.subarray(0, -1));
        }
      },
    ],
    [
      'an index that was lost',
      async (folder) => {
        // The largest: one of a snapshot that was forgotten since may hold nothing that is still needed.
        const [[name] = ['']] = [...(await filesIn(join(folder, 'index')))].toSorted(
          ([, a], [, b]) => b.length - a.length,
        );
        await rm(join(folder, 'index', name));
      },
    ],
  ])('%s: said, and nothing is deleted', async (_, spoil) => {
    const folder = await copy();
    await spoil(folder);
    const before = [...(await filesIn(folder)).keys()];
    const error = await errorOf(prune(new LocalStorage(folder)));
    expect(error).toMatchObject({ code: 'repository-damaged' });
    expect(error.message).toMatch(/^Nothing was pruned/);
    expect([...(await filesIn(folder)).keys()]).toEqual(before);
  });

  test('a storage that denies deletion: said at once, and nothing is written', async () => {
    const folder = await copy();
    const before = [...(await filesIn(folder)).keys()];
    const storage = new LocalStorage(folder);
    const denying: Storage = {
      ...faultyStorage(storage),
      async remove(file) {
        if (file.type === 'lock') return storage.remove(file);
        throw new RelocateError('storage-failed', 'Access denied.', { facts: { denied: true } });
      },
    };
    const error = await errorOf(prune(denying));
    expect(error).toMatchObject({ code: 'storage-failed', facts: { denied: true, removed: 0 } });
    expect(error.message).toContain('Nothing was deleted');
    expect([...(await filesIn(folder)).keys()]).toEqual(before);
  });
});
