import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { silent } from '../../src/events.ts';
import { createArchive } from '../../src/filesystem/archive.ts';
import { restoreTree, savedTree } from '../../src/filesystem/restore.ts';
import { makeAwkwardTree, removeAll } from '../filesystem/support/awkward-tree.ts';
import { describeDisk } from '../filesystem/support/describe-disk.ts';
import {
  isOld,
  isRoot,
  resticBinaries,
  resticFor,
  resticTree,
  snapshotsIn,
  withRepository,
  type Restic,
} from '../filesystem/support/restic.ts';

const options = { emit: silent, signal: new AbortController().signal };

/** A process of its own: the zone of a running one cannot be relied on to change. */
function treeInZone(zone: string, folder: string, repository: string): string {
  const script = fileURLToPath(new URL('../filesystem/support/print-tree.ts', import.meta.url));
  return execFileSync(process.execPath, ['--no-warnings', script, folder, repository], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', TZ: zone },
  }).trim();
}

/** Snapshots a folder as /data/files; the folder's own tree, and that of the snapshot. */
function snapshot(repositoryFolder: string, folder: string) {
  return withRepository(repositoryFolder, async (repository) => {
    const archive = createArchive(repository, options);
    const { problems, tree: subtree } = await archive.slot('/data/files').addDisk(folder, { excludes: [] });
    const { tree: root } = await archive.finish();
    await repository.flush();
    await repository.saveSnapshot({
      time: new Date().toISOString(),
      tree: root,
      paths: ['/'],
      hostname: 'here',
    });
    return { root, subtree, problems };
  });
}

// Owners and devices need root on Linux; the judge is restic itself.
const usable = isRoot && resticBinaries.length > 0;

(usable ? describe : describe.skip).each(resticBinaries)('an awkward tree and %s', (binary) => {
  const resticIsOld = isOld(binary);
  let work: string;
  let source: string;
  let ours: string;
  let restic: Restic;
  let expected: string[];
  let cleanUp: () => Promise<void>;
  let saved: Awaited<ReturnType<typeof snapshot>>;

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'relocate-awkward-'));
    source = join(work, 'source');
    ours = join(work, 'ours');
    restic = resticFor(binary, ours);
    mkdirSync(source);
    cleanUp = await makeAwkwardTree(source, { resticIsOld });
    expected = await describeDisk(source);
    saved = await snapshot(ours, source);
  });
  afterAll(async () => {
    await cleanUp();
    removeAll(work);
  });

  test('our snapshot has no problems and passes check --read-data', () => {
    expect(saved.problems).toEqual([]);
    expect(restic(['check', '--read-data'])).toContain('no errors were found');
  });

  test('our snapshot comes back identical by restic', async () => {
    const target = mkdtempSync(join(work, 'restic-back-'));
    restic(['restore', 'latest', '--target', target]);
    expect(await describeDisk(join(target, 'data/files'))).toEqual(expected);
  });

  test('our snapshot comes back identical by us, and again over what is there already', async () => {
    const target = join(work, 'back');
    await withRepository(ours, async (repository) => {
      const tree = await savedTree(repository, saved.root, '/data/files', options);
      for (const run of ['first', 'second']) {
        const summary = await tree.writeTo(target);
        expect({ run, problems: summary.problems }).toEqual({ run, problems: [] });
        expect(await describeDisk(target)).toEqual(expected);
      }
      expect((await tree.compareWith(target)).problems).toEqual([]);
    });
  });

  test.each(['UTC', 'America/St_Johns', 'Asia/Kolkata'])(
    'both make the same tree of it in the zone %s',
    async (zone) => {
      const before = snapshotsIn(ours);
      restic(['backup', '--force', '.'], { cwd: source, timeZone: zone });
      const tree = resticTree(restic, snapshotsIn(ours), before);
      expect(treeInZone(zone, source, ours)).toBe(tree);
    },
  );

  test('restic’s own snapshot, in a repository it made, comes back identical by us', async () => {
    const folder = join(work, 'theirs');
    const their = resticFor(binary, folder);
    their(['init']);
    their(['backup', '.'], { cwd: source });
    const tree = resticTree(their, snapshotsIn(folder));
    const target = join(work, 'their-back');
    const summary = await withRepository(folder, (repository) =>
      restoreTree(repository, tree, target, options),
    );
    expect(summary.problems).toEqual([]);
    expect((await describeDisk(target)).slice(1)).toEqual(expected.slice(1));
  });

  // `rewrite` refuses trees that it would write otherwise; it came with restic 0.15.
  (resticIsOld ? test.skip : test)('restic rewrites our trees, so it reads every name as we meant it', () => {
    restic(['rewrite', '--exclude', 'plain', '--forget']);
    expect(restic(['ls', 'latest'])).not.toContain('names/plain\n');
    expect(restic(['check'])).toContain('no errors were found');
  });
});
