import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { relocate, resultOf, testPassword } from '../support/cli.ts';
import { differences, filesIn } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';
import type { CopyResult } from '../../src/repository/types.ts';

const usable = resticBinaries.length > 0;
(usable ? describe : describe.skip).each(resticBinaries)('copies, judged by %s', (binary) => {
  const work = mkdtempSync(join(tmpdir(), 'relocate-house-copy-'));
  const app = join(work, 'app');
  const [first, second, third] = ['first', 'second', 'third'].map((name) => join(work, name)) as [
    string,
    string,
    string,
  ];
  const other = { password: 'another' };
  let contents: Map<string, Buffer>;
  const ours = (args: string[], env: Record<string, string> = {}) => relocate(args, { cwd: app, env });
  const resticAt = (folder: string) => resticRunner(binary, folder);
  const snapshotsIn = async (folder: string) => (await readdir(join(folder, 'snapshots'))).length;

  beforeAll(async () => {
    const random = seeded(31);
    await mkdir(join(app, 'files', 'inner'), { recursive: true });
    await writeFile(join(app, 'files', 'large'), random.bytes(20_000_000));
    await writeFile(join(app, 'files', 'text'), 'The quick brown fox. '.repeat(100_000));
    for (let at = 0; at < 20; at += 1)
      await writeFile(join(app, 'files', 'inner', `${at}`), random.bytes(3_000));
    await writeFile(
      join(app, 'relocate.yaml'),
      `app: copied\ndata:\n  files: { files: ./files }\nrepositories: [ "file:${first}" ]\n`,
    );
    await writeFile(join(work, 'another'), 'another\n');
    for (const folder of [first])
      expect(await ours(['-r', `file:${folder}`, 'init', '--repository'])).toMatchObject({ exitCode: 0 });
    for (const folder of [second, third]) resticAt(folder).run(['init'], other);
    expect(await ours(['snapshot'])).toMatchObject({ exitCode: 0 });
    // A snapshot of restic's own beside it, with names and a parent of its own.
    resticAt(first).run(['backup', '--tag', 'theirs', '.'], {
      cwd: join(app, 'files'),
      password: testPassword,
    });
    contents = await filesIn(join(app, 'files'));
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  const copy = async (from: string, to: string, ...more: string[]) => {
    const result = await ours(
      ['-r', to, '--password-file', join(work, 'another'), '--json', 'copy', '--from-repo', from, ...more],
      { RELOCATE_FROM_PASSWORD: testPassword },
    );
    return { ...result, ...resultOf<CopyResult>(result) };
  };

  test('what we copy passes check --read-data there, and restic restores it byte for byte', async () => {
    expect(await copy(first, second)).toMatchObject({ exitCode: 0, failed: [], present: [] });
    expect(resticAt(second).run(['check', '--read-data'], other)).toContain('no errors were found');
    const target = join(work, 'back');
    resticAt(second).run(['restore', 'latest', '--tag', 'theirs', '--target', target], other);
    expect(differences(await filesIn(target), contents)).toEqual([]);
    resticAt(second).run(['restore', 'latest', '--tag', 'relocate', '--target', `${target}-2`], other);
    expect(differences(await filesIn(join(`${target}-2`, 'data/files')), contents)).toEqual([]);
  });

  test('restic takes our copies for its own and copies nothing, nor do we after it', async () => {
    await writeFile(join(work, 'first-password'), testPassword);
    const from = ['--from-repo', first, '--from-password-file', join(work, 'first-password')];
    const before = await snapshotsIn(second);
    resticAt(second).run(['copy', ...from], other);
    expect(await snapshotsIn(second)).toBe(before);
    resticAt(third).run(['copy', ...from], other);
    expect(await copy(first, third)).toMatchObject({ exitCode: 0, copied: [], addedBytes: 0 });
  });

  test('a wrong password of the source, one repository twice, or no source: said, with what to give', async () => {
    const attempt = (...args: string[]) =>
      ours(['-r', second, '--password-file', join(work, 'another'), ...args]);
    const wrong = await attempt('copy', '--from-repo', first);
    expect(wrong).toMatchObject({ exitCode: 12, stdout: '' });
    expect(wrong.stderr).toContain('--from-password-file');
    expect(await attempt('copy', '--from-repo', second)).toMatchObject({ exitCode: 2 });
    const none = await attempt('copy');
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toContain('--from-repo');
  });
});
