import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStorage } from '../../src/storage/index.ts';
import { fileTypes } from '../../src/storage/storage.ts';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { relocate, testPassword } from '../support/cli.ts';
import { differences, filesIn } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner, type ResticSetting } from '../support/restic.ts';

/** A place that relocate and restic both reach. */
export interface JudgedPlace {
  /** The URL of a repository of that name, as relocate takes it. */
  urlOf(name: string): string;
  /** What restic needs to be told to reach the same place; left out where it cannot, and judges a copy in a folder. */
  restic?: ResticSetting;
  /** For relocate. */
  env?: Record<string, string>;
}

/** An app of a few files, its repository anywhere. */
export interface SmallApp {
  folder: string;
  /** What restores are compared with, by path below `files`. */
  contents: Map<string, Buffer>;
  /** Runs a command on it, with its repository at `url`; one that fails fails the test. */
  run(url: string, ...args: string[]): Promise<string>;
  emptyFolder(): Promise<string>;
  remove(): Promise<void>;
}

export async function smallApp(env: Record<string, string> = {}): Promise<SmallApp> {
  const random = seeded(4005);
  const work = await mkdtemp(join(tmpdir(), 'relocate-app-'));
  const folder = join(work, 'app');
  await mkdir(join(folder, 'files'), { recursive: true });
  for (const [name, sizeBytes] of Object.entries({ empty: 0, small: 10_000, large: 40_000_000 }))
    await writeFile(join(folder, 'files', name), random.bytes(sizeBytes));
  return {
    folder,
    contents: await filesIn(join(folder, 'files')),
    async run(url, ...args) {
      const described = `app: notes\ndata:\n  files: { files: ./files }\nrepositories: [ "${url}" ]\n`;
      await writeFile(join(folder, 'relocate.yaml'), described);
      const { exitCode, stdout, stderr } = await relocate(args, { cwd: folder, env });
      if (exitCode !== 0) throw new Error(`relocate ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
      return stdout + stderr;
    },
    emptyFolder: () => mkdtemp(join(work, 'empty-')),
    remove: () => rm(work, { recursive: true, force: true }),
  };
}

/** Whatever one of the two wrote there, the other reads: restic is the judge of what lies on a storage. */
export function storageJudged(name: string, setUp: () => Promise<JudgedPlace>): void {
  describe.each(resticBinaries)(`${name}, judged by %s`, (binary) => {
    const turn = resticBinaries.indexOf(binary);
    const password = testPassword;
    let place: JudgedPlace;
    let app: SmallApp;

    beforeAll(async () => {
      place = await setUp();
      app = await smallApp(place.env);
    });
    afterAll(() => app.remove());

    test('a snapshot passes restic’s check of every byte, and comes back by restic', async () => {
      const url = place.urlOf(`ours-${turn}`);
      await app.run(url, 'init', '--repository');
      await app.run(url, 'snapshot');
      const judged = place.restic === undefined ? await app.emptyFolder() : url;
      if (place.restic === undefined) await copyFiles(url, `file:${judged}`);
      const restic = resticRunner(binary, judged, place.restic);
      expect(restic.run(['check', '--read-data'], { password })).toContain('no errors were found');
      const target = await app.emptyFolder();
      restic.run(['restore', 'latest', '--target', target], { password });
      expect(differences(await filesIn(join(target, 'data/files')), app.contents)).toEqual([]);
    }, 120_000);

    test('what restic saved there passes our check of every byte, and comes back by us', async () => {
      const url = place.urlOf(`theirs-${turn}`);
      const written = place.restic === undefined ? await app.emptyFolder() : url;
      const restic = resticRunner(binary, written, place.restic);
      restic.run(['init'], { password });
      restic.run(['backup', '.'], { password, cwd: join(app.folder, 'files') });
      if (place.restic === undefined) await copyFiles(`file:${written}`, url);
      await app.run(url, 'check', '--read-data');
      const target = await app.emptyFolder();
      await app.run(url, 'restore', 'latest', '--target', target);
      expect(differences(await filesIn(target), app.contents)).toEqual([]);
    }, 120_000);
  });
}

/** All files of a repository, as they are. */
async function copyFiles(from: string, to: string): Promise<void> {
  const [source, goal] = await Promise.all([openStorage(from), openStorage(to)]);
  await goal.initialise();
  for (const type of fileTypes)
    for (const { name } of await source.list(type))
      await goal.save({ type, name }, [await source.load({ type, name })]);
  await source.close();
  await goal.close();
}
