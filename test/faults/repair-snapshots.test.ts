import { mkdtempSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import { repairSnapshots } from '../../src/repository/repair-snapshots.ts';
import type { RepairSnapshotsResult } from '../../src/repository/types.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { isOld, resticBinaries } from '../filesystem/support/restic.ts';
import { differences, filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';

describe('snapshots that lost something', () => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-repair-snapshots-'));
  const source = join(work, 'source');
  const template = join(work, 'template');
  let sound: string;
  let broken: string;
  let soundContent: Map<string, Buffer>;
  let brokenContent: Map<string, Buffer>;

  const inSlot = async () =>
    new Map([...(await filesIn(source))].map(([path, bytes]) => [`data/files/${path}`, bytes]));

  beforeAll(async () => {
    const random = seeded(77);
    await mkdir(join(source, 'inner <&>'), { recursive: true });
    await writeFile(join(source, 'first'), random.bytes(700_000));
    await writeFile(join(source, 'inner <&>', 'kept'), random.bytes(3_000));
    const repository = await createRepository(new LocalStorage(template), 'pw');
    sound = await saveFolder(repository, source);
    soundContent = await inSlot();
    const before = new Set((await filesIn(join(template, 'data'))).keys());
    await writeFile(join(source, 'inner <&>', 'lost'), random.bytes(4_000_000));
    broken = await saveFolder(repository, source);
    brokenContent = await inSlot();
    await repository.close();
    // What came with the second snapshot alone: its large file, and not its folders.
    for (const [path, { length }] of await filesIn(join(template, 'data')))
      if (!before.has(path) && length > 1_000_000) await rm(join(template, 'data', path));
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  async function copy(): Promise<string> {
    const folder = await mkdtemp(join(work, 'copy-'));
    await cp(template, folder, { recursive: true });
    return folder;
  }

  async function repair(
    folder: string,
    options: { forget?: boolean; dryRun?: boolean } = {},
  ): Promise<RepairSnapshotsResult> {
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    const result = await repository.withLock('exclusive', {}, async () => {
      await repository.repairIndex();
      return repairSnapshots(repository, { forget: false, dryRun: false, ...options });
    });
    await repository.close();
    return result;
  }

  const lost = ['/data/files/inner <&>/lost'];

  test('are written again without what is gone; the sound one and the broken one stay as they are', async () => {
    const folder = await copy();
    const result = await repair(folder);
    expect(result).toMatchObject({ sound: 1, unreadable: [], removed: [], repaired: [{ from: broken }] });
    expect(result.repaired[0]?.lost).toHaveLength(1);
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    const all = await repository.snapshots();
    expect(all).toHaveLength(3);
    const repaired = await repository.findSnapshot(result.repaired[0]?.to ?? '');
    expect(repaired).toMatchObject({ original: broken, tags: ['repaired'] });
    const { files, problems } = await restoreFiles(repository, repaired.id, work);
    expect(problems).toEqual([]);
    expect(differences(files, brokenContent)).toEqual(lost.map((path) => path.slice(1)));
    const first = await restoreFiles(repository, sound, work);
    expect(differences(first.files, soundContent)).toEqual([]);
    await repository.close();
    // Asked again, it writes none a second time.
    expect((await repair(folder)).repaired).toEqual(result.repaired);
    const again = await openRepository(new LocalStorage(folder), 'pw');
    expect(await again.snapshots()).toHaveLength(3);
    await again.close();
  });

  test('with forget: the broken one is gone, and check finds nothing any more', async () => {
    const folder = await copy();
    expect(await repair(folder, { forget: true })).toMatchObject({ removed: [broken] });
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    expect(await repository.check({ readDataPercent: 100 })).toMatchObject({ errors: [], snapshots: 2 });
    await repository.close();
    for (const binary of resticBinaries)
      expect(resticRunner(binary, folder).run(['check', '--read-data'])).toContain('no errors were found');
  });

  test('dry: names what is lost, and writes nothing', async () => {
    const folder = await copy();
    const repository = await openRepository(new LocalStorage(folder), 'pw');
    await repository.withLock('exclusive', {}, () => repository.repairIndex());
    await repository.close();
    const before = [...(await filesIn(folder)).keys()].filter((path) => !path.startsWith('index/'));
    const result = await repair(folder, { dryRun: true, forget: true });
    expect(result).toMatchObject({ removed: [], repaired: [{ from: broken }] });
    expect([...(await filesIn(folder)).keys()].filter((path) => !path.startsWith('index/'))).toEqual(before);
  });

  test('of which no folder can be read: named, and removed only when asked', async () => {
    const folder = await copy();
    for (const path of (await filesIn(join(folder, 'data'))).keys()) await rm(join(folder, 'data', path));
    const result = await repair(folder);
    expect(result.unreadable.toSorted()).toEqual([broken, sound].toSorted());
    expect(result).toMatchObject({ sound: 0, repaired: [], removed: [] });
    expect((await repair(folder, { forget: true })).removed).toHaveLength(2);
  });

  // “repair snapshots” came with 0.16.
  const judges = resticBinaries.filter((binary) => !isOld(binary));
  (judges.length > 0 ? test : test.skip).each(judges.length > 0 ? judges : ['a newer restic'])(
    'become the very tree that %s makes of them',
    async (binary) => {
      const [ours, theirs] = [await copy(), await copy()];
      await repair(ours, { forget: true });
      const restic = resticRunner(binary, theirs);
      restic.run(['repair', 'index']);
      restic.run(['repair', 'snapshots', '--forget']);
      const treesIn = async (folder: string) => {
        const repository = await openRepository(new LocalStorage(folder), 'pw');
        const snapshots = await repository.snapshots();
        await repository.close();
        return snapshots.map(({ original, tree }) => ({ original, tree }));
      };
      expect(await treesIn(ours)).toEqual(await treesIn(theirs));
    },
  );
});
