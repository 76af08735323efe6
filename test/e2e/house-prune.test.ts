import { mkdtempSync } from 'node:fs';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openRepository } from '../../src/repository/index.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { relocate, resultOf, testPassword } from '../support/cli.ts';
import { differences, filesIn } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';

const usable = resticBinaries.length > 0;
(usable ? describe : describe.skip).each(resticBinaries)('forget and prune beside %s', (binary) => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-house-prune-'));
  const app = join(work, 'app');
  const repository = join(work, 'repository');
  const restic = resticRunner(binary, repository);
  const own = { password: testPassword };
  const ours = (...args: string[]) => relocate(args, { cwd: app });
  const snapshotsIn = () => readdir(join(repository, 'snapshots'));
  let contents: Map<string, Buffer>;
  const taken: string[] = [];

  beforeAll(async () => {
    const random = seeded(52);
    await mkdir(join(app, 'files'), { recursive: true });
    await writeFile(
      join(app, 'relocate.yaml'),
      `app: housed\ndata:\n  files: { files: ./files }\n  more: { files: ./files }\nrepositories: [ "file:${repository}" ]\n`,
    );
    expect(await ours('init', '--repository')).toMatchObject({ exitCode: 0 });
    for (let at = 0; at < 4; at += 1) {
      await writeFile(join(app, 'files', 'changing'), random.bytes(3_000_000));
      const result = await ours('snapshot', '--json');
      taken.push(resultOf<{ snapshot: string }>(result).snapshot);
    }
    expect(await ours('snapshot', '--only', 'more')).toMatchObject({ exitCode: 0 });
    contents = await filesIn(join(app, 'files'));
    restic.run(['backup', '--tag', 'theirs', '.'], { cwd: join(app, 'files'), ...own });
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  const waitFor = async (there: () => Promise<boolean>) => {
    for (let turn = 0; turn < 100 && !(await there()); turn += 1) await sleep(100);
    expect(await there()).toBe(true);
  };
  const locks = async () => (await readdir(join(repository, 'locks'))).length;

  test('while restic works there: refused with exit 11, and nothing is changed', async () => {
    const child = restic.start(['backup', '--stdin'], own);
    try {
      await waitFor(async () => (await locks()) > 0);
      const before = await snapshotsIn();
      for (const args of [['forget', '--keep-last', '1', '--prune'], ['prune'], ['repair', 'snapshots']]) {
        const result = await ours(...args);
        expect([args, result.exitCode]).toEqual([args, 11]);
      }
      expect(await snapshotsIn()).toEqual(before);
    } finally {
      child.stdin?.end();
      await new Promise((resolve) => child.once('close', resolve));
    }
    // What restic read from its input is a snapshot now.
    restic.run(['forget', '--keep-tag', 'relocate', '--keep-tag', 'theirs', '--group-by', ''], own);
  });

  test('while we hold the exclusive lock: restic refuses, and with the shared one it may save', async () => {
    const here = await openRepository(new LocalStorage(repository), testPassword);
    await here.withLock('exclusive', {}, async () => {
      const refused = restic.attempt(['backup', '--tag', 'theirs', '.'], { cwd: join(app, 'files'), ...own });
      expect(refused.exitCode).not.toBe(0);
      expect(refused.stderr).toContain('locked');
    });
    await here.withLock('shared', {}, async () => {
      expect(restic.attempt(['prune'], own).exitCode).not.toBe(0);
      restic.run(['snapshots'], own);
    });
    await here.close();
  });

  test('dry: says what it would do, to people and to programs, and does nothing', async () => {
    const before = [...(await filesIn(repository)).keys()];
    const told = await ours('forget', '--keep-last', '2', '--prune', '--dry-run');
    expect(told).toMatchObject({ exitCode: 0 });
    expect(told.stdout).toMatch(/2 snapshots would be removed/);
    expect(told.stdout).toMatch(/would be freed/);
    const json = await ours('forget', '--keep-last', '2', '--prune', '--dry-run', '--json');
    const { removed } = resultOf<{ removed: { id: string }[] }>(json);
    expect(removed.map(({ id }) => id).toSorted()).toEqual(taken.slice(0, 2).toSorted());
    expect([...(await filesIn(repository)).keys()]).toEqual(before);
  });

  test.each<[string, string[], number]>([
    ['no rule and no ID', ['forget'], 2],
    ['a rule and an ID', ['forget', '--keep-last', '1', 'abcd'], 2],
    ['rules that would leave nothing', ['forget', '--keep-tag', 'nobody-has-this'], 2],
    ['a span that is none', ['forget', '--keep-within', 'a while'], 2],
    ['a share that is none', ['prune', '--max-unused', '100%'], 2],
    ['an ID that is none', ['forget', 'ffffffff'], 1],
  ])('%s: refused, and nothing is removed', async (_, args, exitCode) => {
    const before = await snapshotsIn();
    expect(await ours(...args)).toMatchObject({ exitCode });
    expect(await snapshotsIn()).toEqual(before);
  });

  test('what is kept comes back whole by restic; other programs’ snapshots and captures of a part stay', async () => {
    const before = await snapshotsIn();
    expect(await ours('forget', '--keep-last', '1', '--prune', '--max-unused', '0')).toMatchObject({
      exitCode: 0,
    });
    const left = await snapshotsIn();
    expect(before.filter((id) => !left.includes(id)).toSorted()).toEqual(taken.slice(0, 3).toSorted());
    expect(restic.run(['check', '--read-data'], own)).toContain('no errors were found');
    const target = join(work, 'back');
    restic.run(['restore', taken[3] ?? '', '--target', target], own);
    expect(differences(await filesIn(join(target, 'data/files')), contents)).toEqual([]);
    restic.run(['restore', 'latest', '--tag', 'theirs', '--target', `${target}-2`], own);
    expect(differences(await filesIn(`${target}-2`), contents)).toEqual([]);
    expect(restic.run(['prune', '--dry-run', '--max-unused', '0'], own)).toMatch(/total prune:\s+0 blobs/);
  });

  test('restic’s own repository, version 1: pruned by us, sound for restic', async () => {
    const old = join(work, 'old');
    const theirs = resticRunner(binary, old);
    theirs.run(['init', '--repository-version', '1'], own);
    const changing = join(work, 'changing');
    await cp(join(app, 'files'), changing, { recursive: true });
    theirs.run(['backup', '.'], { cwd: changing, ...own });
    await rm(join(changing, 'changing'));
    await writeFile(join(changing, 'another'), seeded(9).bytes(2_000_000));
    theirs.run(['backup', '.'], { cwd: changing, ...own });
    theirs.run(['forget', '--keep-last', '1', '--group-by', ''], own);
    const pruned = await ours('-r', old, 'prune', '--max-unused', '0', '--json');
    expect(resultOf<{ freedBytes: number }>(pruned).freedBytes).toBeGreaterThan(2_900_000);
    expect(theirs.run(['check', '--read-data'], own)).toContain('no errors were found');
    const target = join(work, 'old-back');
    theirs.run(['restore', 'latest', '--target', target], own);
    expect(differences(await filesIn(target), await filesIn(changing))).toEqual([]);
  });
});
