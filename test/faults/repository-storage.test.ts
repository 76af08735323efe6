import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { codeOf } from '../contract/storage.ts';
import { isRoot, resticBinaries } from '../filesystem/support/restic.ts';
import { faultyStorage, type Fault } from '../support/faulty-storage.ts';
import { differences, filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';

describe('a storage that fails in the middle of a snapshot', () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-failing-'));
  const source = join(work, 'source');
  const small = join(work, 'small-source');
  const template = join(work, 'template');
  const folder = join(work, 'repository');
  let first: string;
  let before: Map<string, Buffer>;
  let after: Map<string, Buffer>;
  const random = seeded(500);

  beforeAll(async () => {
    await mkdir(source);
    await writeFile(join(source, 'large'), random.bytes(2_000_000));
    const repository = await createRepository(new LocalStorage(template), 'pw');
    first = await saveFolder(repository, source);
    await repository.close();
    before = await inSlot();
    await cp(source, small, { recursive: true });
    // More than two packs, so that there is a middle.
    for (let at = 0; at < 3; at += 1) await writeFile(join(source, `more-${at}`), random.bytes(8_000_000));
    after = await inSlot();
  });
  beforeEach(() => cp(template, folder, { recursive: true }));
  afterEach(() => rm(folder, { recursive: true, force: true }));
  afterAll(() => rm(work, { recursive: true, force: true }));

  async function inSlot(): Promise<Map<string, Buffer>> {
    return new Map([...(await filesIn(source))].map(([path, content]) => [`data/files/${path}`, content]));
  }

  /** Takes a snapshot while these things go wrong. */
  async function saveWith(faults: readonly Fault[], from = source): Promise<string> {
    const storage = faultyStorage(new LocalStorage(folder));
    const repository = await openRepository(storage, 'pw');
    storage.setFaults(faults);
    try {
      return await saveFolder(repository, from);
    } finally {
      storage.setFaults([]);
      await repository.close();
    }
  }

  async function expectComesBack(snapshot: string, expected: Map<string, Buffer>): Promise<void> {
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    const { files, problems } = await restoreFiles(repository, snapshot, work);
    expect(problems).toEqual([]);
    expect(differences(files, expected)).toEqual([]);
    await repository.close();
  }

  async function expectSound(snapshots: number): Promise<void> {
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    expect(await repository.check({ readDataPercent: 100 })).toMatchObject({ errors: [], snapshots });
    expect(await repository.locks()).toEqual([]);
    await repository.close();
    for (const binary of resticBinaries.slice(0, 1))
      expect(resticRunner(binary, folder).run(['check', '--read-data'])).toContain('no errors were found');
  }

  test.each<[string, Fault, string]>([
    ['the disk is full at the first pack', { call: 'save', type: 'pack', how: 'disk-full' }, 'disk-full'],
    [
      'the disk is full at the second pack',
      { call: 'save', type: 'pack', nth: 2, how: 'disk-full' },
      'disk-full',
    ],
    [
      'one pack cannot be stored',
      { call: 'save', type: 'pack', nth: 2, times: 1, how: 'fail' },
      'storage-failed',
    ],
    [
      'a pack is stored, and reported as failed',
      { call: 'save', type: 'pack', nth: 2, times: 1, how: 'fail-after' },
      'storage-failed',
    ],
    [
      'the last pack cannot be stored',
      { call: 'save', type: 'pack', nth: 3, times: 1, how: 'fail' },
      'storage-failed',
    ],
    ['the disk is full at the index', { call: 'save', type: 'index', how: 'disk-full' }, 'disk-full'],
    [
      'the index is stored, and reported as failed',
      { call: 'save', type: 'index', how: 'fail-after' },
      'storage-failed',
    ],
    ['the disk is full at the snapshot', { call: 'save', type: 'snapshot', how: 'disk-full' }, 'disk-full'],
    ['the lock cannot be written', { call: 'save', type: 'lock', how: 'disk-full' }, 'disk-full'],
    ['locks cannot be listed', { call: 'list', type: 'lock', how: 'fail' }, 'storage-failed'],
    ['an index cannot be read', { call: 'load', type: 'index', how: 'fail' }, 'storage-failed'],
    ['an index comes damaged', { call: 'load', type: 'index', how: 'flip' }, 'repository-damaged'],
    ['indexes cannot be listed', { call: 'list', type: 'index', how: 'fail' }, 'storage-failed'],
  ])(
    '%s: said, nothing reported, the older snapshot whole, the next run completes',
    async (_, fault, code) => {
      expect(await codeOf(saveWith([fault]))).toBe(code);
      expect(await readdir(join(folder, 'snapshots'))).toEqual([first]);
      await expectComesBack(first, before);
      await expectComesBack(await saveWith([]), after);
      await expectSound(2);
    },
  );

  test('what was stored before the failure is used by the next run', async () => {
    await codeOf(saveWith([{ call: 'save', type: 'snapshot', how: 'fail' }]));
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    await saveFolder(repository, source);
    expect(repository.stats().dataBlobs).toBe(0);
    await repository.close();
  });

  test('a lock that cannot be removed at the end does not undo the snapshot, and is stale later', async () => {
    const second = await saveWith([{ call: 'remove', type: 'lock', how: 'fail' }]);
    await expectComesBack(second, after);
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    expect(await repository.locks()).toHaveLength(1);
    expect(await repository.unlock({ all: true })).toHaveLength(1);
    await repository.close();
  });

  test.each<[string, Fault]>([
    ['half of a pack', { call: 'save', type: 'pack', nth: 2, times: 1, how: 'truncate' }],
    ['a pack with a wrong bit', { call: 'save', type: 'pack', nth: 2, times: 1, how: 'flip' }],
    ['no pack at all', { call: 'save', type: 'pack', nth: 2, times: 1, how: 'forget' }],
    ['half of an index', { call: 'save', type: 'index', how: 'truncate' }],
    ['an index with a wrong bit', { call: 'save', type: 'index', how: 'flip' }],
    ['no index at all', { call: 'save', type: 'index', how: 'forget' }],
    ['half of a snapshot', { call: 'save', type: 'snapshot', how: 'truncate' }],
    ['a snapshot with a wrong bit', { call: 'save', type: 'snapshot', how: 'flip' }],
  ])('a storage that lies, and keeps %s: found by check, and no wrong byte comes back', async (_, fault) => {
    const second = await saveWith([fault]);
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    const errors = await repository.check({ readDataPercent: 100 }).then(
      (result) => result.errors,
      (error: unknown) => [error instanceof RelocateError ? error.message : `unexpected: ${String(error)}`],
    );
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.join('\n')).not.toContain('unexpected');
    const { files, problems } = await restoreFiles(repository, second, work);
    expect([...files].filter(([path, content]) => after.get(path)?.equals(content) !== true)).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
    await repository.close();
  });

  (isRoot ? test : test.skip)(
    'a disk that is really full (needs root, to mount a small one): nothing reported, nothing lost',
    async () => {
      await rm(folder, { recursive: true });
      await mkdir(folder);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', folder]);
      try {
        await cp(template, folder, { recursive: true });
        expect(await codeOf(saveWith([]))).toBe('disk-full');
        await expectComesBack(first, before);
        await expectSound(1);
        await writeFile(join(small, 'a-little'), random.bytes(100_000));
        await saveWith([], small);
        await expectSound(2);
      } finally {
        execFileSync('umount', [folder]);
      }
    },
  );
});
