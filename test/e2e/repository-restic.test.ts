import { mkdtempSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { isOld, resticBinaries } from '../filesystem/support/restic.ts';
import { codeOf } from '../contract/storage.ts';
import { startRelocate } from '../support/cli.ts';
import { differences, filesIn, restoreFiles, saveFolder } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';

const mebibyte = 1024 * 1024;

/** Sizes at which chunkers and packers have gone wrong before. */
function awkwardContents(): Record<string, Buffer> {
  const random = seeded(2112);
  const minimum = 512 * 1024;
  return {
    empty: Buffer.alloc(0),
    'one-byte': Buffer.from('x'),
    'below-minimum': random.bytes(minimum - 1),
    minimum: random.bytes(minimum),
    'above-minimum': random.bytes(minimum + 1),
    noise: random.bytes(30 * mebibyte),
    zeros: Buffer.alloc(5 * mebibyte + 3),
    maximum: Buffer.alloc(17 * mebibyte, 1),
    text: Buffer.alloc(9 * mebibyte, 'The quick brown fox. '),
    'zeros-in-noise': Buffer.concat([
      random.bytes(700_000),
      Buffer.alloc(3 * mebibyte),
      random.bytes(2_000_000),
    ]),
  };
}

const usable = resticBinaries.length > 0;
(usable ? describe : describe.skip).each(resticBinaries)('judged by %s', (binary) => {
  const old = usable && isOld(binary);
  const work = mkdtempSync(join(tmpdir(), 'relocate-both-ways-'));
  const source = join(work, 'source');
  let contents: Map<string, Buffer>;

  beforeAll(async () => {
    await mkdir(source);
    for (const [name, content] of Object.entries(awkwardContents()))
      await writeFile(join(source, name), content);
    contents = await filesIn(source);
  });
  afterAll(() => rm(work, { recursive: true, force: true }));

  const openHere = (folder: string, password = 'pw') => openRepository(new LocalStorage(folder), password);

  async function expectWhole(folder: string): Promise<void> {
    const repository = await openHere(folder);
    const { files, problems } = await restoreFiles(repository, 'latest', work);
    await repository.close();
    expect(problems).toEqual([]);
    const inSlot = [...files].map(
      ([path, content]) => [path.replace(/^data\/files\//, ''), content] as const,
    );
    expect(differences(new Map(inSlot), contents)).toEqual([]);
  }

  describe.each([1, 2] as const)('a repository of version %d that we made', (version) => {
    const folder = join(work, `made-by-us-${version}`);
    const restic = resticRunner(binary, folder);

    beforeAll(async () => {
      const repository = await createRepository(new LocalStorage(folder), 'pw', { version });
      await saveFolder(repository, source);
      await repository.close();
    });

    test('has no errors for check --read-data', () => {
      expect(restic.run(['check', '--read-data'])).toContain('no errors were found');
    });

    test('is restored by restic, byte for byte', async () => {
      const target = mkdtempSync(join(work, 'theirs-'));
      restic.run(['restore', 'latest', '--target', target]);
      expect(differences(await filesIn(join(target, 'data/files')), contents)).toEqual([]);
    });

    test('has nothing to add when restic backs the same files up: every chunk is cut alike', () => {
      const lines = restic.run(['backup', '--force', '--json', '.'], { cwd: source }).trim().split('\n');
      const summary = JSON.parse(lines.at(-1) ?? '') as { data_blobs: number; total_files_processed: number };
      expect(summary).toMatchObject({ data_blobs: 0, total_files_processed: contents.size });
    });

    test('takes second passwords from either side', async () => {
      await writeFile(join(work, 'their-password'), 'theirs');
      restic.run(['key', 'add', '--new-password-file', join(work, 'their-password')]);
      const repository = await openHere(folder, 'theirs');
      expect(await repository.listKeys()).toHaveLength(2);
      await repository.addKey('ours, ünusual');
      await repository.close();
      const listed = restic.run(['key', 'list'], { password: 'ours, ünusual' });
      expect(listed.match(/^[ *][0-9a-f]{8}/gm)).toHaveLength(3);
      expect(restic.attempt(['key', 'list'], { password: 'neither' }).exitCode).not.toBe(0);
    });

    test('is pruned by restic, and still whole for both', async () => {
      restic.run(['forget', '--keep-last', '1', '--group-by', '', '--prune']);
      expect(restic.run(['check', '--read-data'])).toContain('no errors were found');
      const repository = await openHere(folder);
      const result = await repository.check({ readDataPercent: 100 });
      expect(result).toMatchObject({ errors: [], snapshots: 1 });
      await repository.close();
      await expectWhole(folder);
    });
  });

  describe.each([
    { name: 'version-1', init: ['--repository-version', '1'], backup: [], upgrade: false },
    { name: 'version-2', init: [], backup: [], upgrade: false },
    { name: 'compressed-most', init: [], backup: ['--compression', 'max'], upgrade: false },
    { name: 'not-compressed', init: [], backup: ['--compression', 'off'], upgrade: false },
    { name: 'upgraded', init: ['--repository-version', '1'], backup: [], upgrade: true },
  ])('a repository that restic made ($name)', ({ name, init, backup, upgrade }) => {
    const folder = join(work, `made-by-restic-${name}`);
    const restic = resticRunner(binary, folder);

    beforeAll(() => {
      restic.run(['init', ...init]);
      restic.run(['backup', ...backup, '.'], { cwd: source });
      if (upgrade) restic.run(['migrate', 'upgrade_repo_v2']);
    });

    test('passes our check of every byte, and comes back by us', async () => {
      const repository = await openHere(folder);
      const result = await repository.check({ readDataPercent: 100 });
      expect(result).toMatchObject({ errors: [], hints: [], snapshots: 1 });
      await repository.close();
      await expectWhole(folder);
    });

    test('gets nothing but folders when we save the same files, and passes restic’s check afterwards', async () => {
      const repository = await openHere(folder);
      const id = await saveFolder(repository, source);
      expect(repository.stats().dataBlobs).toBe(0);
      await repository.close();
      expect(restic.run(['check', '--read-data'])).toContain('no errors were found');
      expect(restic.run(['snapshots'])).toContain(id.slice(0, 8));
    });
  });

  describe('locks', () => {
    const folder = join(work, 'locks');
    const restic = resticRunner(binary, folder);
    // A draft of restic’s lies beside a lock for the moment that it takes to write it.
    const locks = async () => (await readdir(restic.path('locks'))).filter((name) => !name.includes('-tmp-'));

    beforeAll(async () => {
      const repository = await createRepository(new LocalStorage(folder), 'pw');
      await repository.saveBytes(seeded(3).bytes(1000));
      await saveFolder(repository, source);
      await repository.close();
    });

    async function untilLocked(): Promise<void> {
      while ((await locks()).length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }

    test('restic’s exclusive one stops us, its shared one only our exclusive one', async () => {
      const repository = await openHere(folder);
      for (const { args, shared } of [
        { args: ['check', '--read-data'], shared: 'repository-locked' },
        { args: ['backup', '--stdin'], shared: 'done' },
      ]) {
        const holder = restic.start(args);
        const ended = new Promise((resolve) => holder.once('close', resolve));
        await untilLocked();
        holder.kill('SIGSTOP');
        const outcome = (mode: 'shared' | 'exclusive') =>
          repository.withLock(mode, {}, async () => 'done').catch((error: { code: string }) => error.code);
        expect({ args, got: await outcome('shared') }).toEqual({ args, got: shared });
        expect({ args, got: await outcome('exclusive') }).toEqual({ args, got: 'repository-locked' });
        holder.kill('SIGKILL');
        await ended;
        // What a killed restic left is stale: in nobody's way, and removed by unlock alone.
        expect(await outcome('exclusive')).toBe('done');
        expect(await repository.unlock({ all: false })).toHaveLength(1);
        expect(await locks()).toEqual([]);
      }
      await repository.close();
    });

    test.each(['shared', 'exclusive'] as const)(
      'our %s one stops restic’s prune, which changes nothing',
      async (mode) => {
        const repository = await openHere(folder);
        await repository.withLock(mode, {}, async () => {
          const { exitCode, stderr } = restic.attempt(['prune']);
          expect(exitCode).toBe(old ? 1 : 11);
          expect(stderr).toContain(`PID ${process.pid}`);
          const backup = restic.attempt(['backup', '--stdin'], { input: 'while we work' });
          expect(backup.exitCode === 0).toBe(mode === 'shared');
        });
        await repository.close();
        expect(await locks()).toEqual([]);
        expect(restic.run(['prune'])).not.toContain('error');
      },
    );

    test('restic’s unlock asks the living holder of our lock by a signal: neither is ended by it', async () => {
      const app = join(work, 'app');
      await mkdir(join(app, 'files'), { recursive: true });
      await writeFile(join(app, 'files', 'a.txt'), 'a');
      await writeFile(
        join(app, 'relocate.yaml'),
        `app: busy\ndata:\n  files: { files: ./files, hooks: { before: "sleep 3" } }\nrepositories: [ "file:${folder}" ]\n`,
      );
      const { ended } = startRelocate(['snapshot'], { cwd: app, env: { RELOCATE_PASSWORD: 'pw' } });
      await untilLocked();
      restic.run(['unlock']);
      expect(await locks()).toHaveLength(1);
      expect(await ended).toMatchObject({ exitCode: 0 });
      expect(await locks()).toEqual([]);
    });

    test('a wrong password, and no repository, are told apart as by restic', async () => {
      expect(await codeOf(openHere(folder, 'wrong'))).toBe('wrong-password');
      expect(await codeOf(openHere(join(work, 'nothing')))).toBe('repository-missing');
      if (!old) expect(restic.attempt(['snapshots'], { password: 'wrong' }).exitCode).toBe(12);
    });
  });
});
