import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { relocate, resultOf, testPassword, type CliResult } from '../support/cli.ts';
import { differences, filesIn } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { resticRunner } from '../support/restic.ts';
import {
  minioCredentials,
  minioProgram,
  minioReason,
  startMinio,
  type Minio,
} from '../support/servers/minio.ts';
import { startFaultyProxy, type FaultyProxy } from '../support/servers/proxy.ts';

const random = seeded(20261126);
const password = testPassword;
const restic = resticBinaries.at(-1) ?? 'restic';

interface Snapshotted {
  snapshot: string;
  verdict: string;
  copies: { url: string; snapshot?: string; error?: { code: string; message: string }; lacking: number }[];
}

(minioProgram === undefined ? describe.skip : describe)(
  `an app with two folders and an S3 server as repositories (${minioReason})`,
  () => {
    let minio: Minio;
    let proxy: FaultyProxy;
    /** Called for each request to the S3 server. */
    let isDenied: (method: string, path: string) => boolean;
    let parent: string;
    let contents: Map<string, Buffer>;
    let cwd: string;
    let urls: string[];
    let buckets = 0;

    beforeAll(async () => {
      Object.assign(process.env, minioCredentials);
      minio = await startMinio();
      proxy = await startFaultyProxy(minio.endpoint, ({ method, url }) =>
        isDenied(method ?? '', url ?? '') ? 'deny' : 'pass',
      );
      parent = await mkdtemp(join(tmpdir(), 'relocate-copies-'));
      await mkdir(join(parent, 'files'));
      for (const [name, sizeBytes] of Object.entries({ empty: 0, small: 10_000, large: 45_000_000 }))
        await writeFile(join(parent, 'files', name), random.bytes(sizeBytes));
      contents = await filesIn(join(parent, 'files'));
    });
    beforeEach(async () => {
      isDenied = () => false;
      cwd = await mkdtemp(join(parent, 'app-'));
      await cp(join(parent, 'files'), join(cwd, 'files'), { recursive: true });
      buckets += 1;
      urls = [`file:${join(cwd, 'a')}`, `s3:${proxy.endpoint}/bucket-${buckets}/b`, `file:${join(cwd, 'c')}`];
      await describeApp('');
    });
    afterAll(async () => {
      await proxy.stop();
      await minio.stop();
      await rm(parent, { recursive: true, force: true });
    });

    const describeApp = (more: string) =>
      writeFile(
        join(cwd, 'relocate.yaml'),
        `app: notes\ndata:\n  files: { files: ./files }\nrepositories: ${JSON.stringify(urls)}\n${more}`,
      );

    async function run(args: string[], exitCode = 0, env = {}): Promise<CliResult> {
      const result = await relocate(args, { cwd, env });
      expect(`${args.join(' ')}: ${result.exitCode}\n${result.stderr}`).toMatch(
        `${args.join(' ')}: ${exitCode}\n`,
      );
      return result;
    }

    const snapshot = async (exitCode = 0, ...more: string[]) =>
      resultOf<Snapshotted>(await run(['snapshot', '--json', ...more], exitCode));

    /** restic's own name of a place, past the proxy: it runs in this process, which waits for restic. */
    const placeOf = (at: number) =>
      (urls[at] ?? '').replace(/^file:/, '').replace(proxy.endpoint, minio.endpoint);

    /** restic finds no error in any byte, and gives back what was saved. */
    async function judge(at: number): Promise<void> {
      const judging = resticRunner(restic, placeOf(at));
      expect(judging.run(['check', '--read-data'], { password })).toContain('no errors were found');
      const target = await mkdtemp(join(cwd, 'judged-'));
      judging.run(['restore', 'latest', '--target', target], { password });
      expect(differences(await filesIn(join(target, 'data/files')), contents)).toEqual([]);
    }

    async function restored(exitCode = 0, ...options: string[]): Promise<CliResult> {
      const target = await mkdtemp(join(cwd, 'restored-'));
      const result = await run([...options, 'restore', 'latest', '--target', target], exitCode);
      expect(differences(await filesIn(join(target, 'data/files')), contents)).toEqual([]);
      return result;
    }

    async function damagePacks(at: number): Promise<void> {
      const folder = join(placeOf(at), 'data');
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      for (const entry of entries.filter((one) => one.isFile())) {
        const path = join(entry.parentPath, entry.name);
        const bytes = await readFile(path);
        bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
        await rm(path);
        await writeFile(path, bytes);
      }
    }

    test('each gets every snapshot, restic finds each sound, and restic copy finds nothing to copy', async () => {
      await run(['init', '--repository']);
      const { copies, verdict } = await snapshot();
      expect(verdict).toBe('everywhere');
      expect(new Set(copies.map((copy) => copy.snapshot)).size).toBe(3);
      for (const at of [0, 1, 2]) await judge(at);
      const environment = { RESTIC_FROM_PASSWORD: password };
      Object.assign(process.env, environment);
      for (const [from, to] of [
        [0, 1],
        [1, 0],
        [1, 2],
      ] as const) {
        const copying = resticRunner(restic, placeOf(to));
        const said = copying.run(['copy', '--from-repo', placeOf(from), '-v'], { password });
        expect(said).toMatch(/skipping source snapshot/);
        expect(copying.run(['snapshots', '--json'], { password }).match(/"tree"/g)).toHaveLength(1);
      }
      expect((await run(['snapshots'])).stdout).toMatch(/Copies[^]* 3 /);
      expect(await snapshot()).toMatchObject({ verdict: 'everywhere' });
    });

    test('those that are missing are created beside those that are there, and cut files alike', async () => {
      await run(['-r', urls[0] ?? '', 'init', '--repository']);
      const { stdout } = await run(['init', '--repository']);
      expect(stdout.match(/Created repository/g)).toHaveLength(2);
      expect(stdout).toMatch(/was there already\.\n/);
      const chunkers = [0, 1, 2].map((at) => {
        const config = resticRunner(restic, placeOf(at)).run(['cat', 'config'], { password });
        return (JSON.parse(config) as { chunker_polynomial: string }).chunker_polynomial;
      });
      expect(new Set(chunkers).size).toBe(1);
      expect((await run(['init', '--repository'], 1)).stderr).toMatch(/All 3 repositories are there already/);
    });

    describe('when one dies in the middle of a snapshot', () => {
      beforeEach(async () => {
        await run(['init', '--repository']);
        let packs = 0;
        isDenied = (method, path) => {
          if (method === 'PUT' && path.includes('/data/')) packs += 1;
          return packs >= 2;
        };
      });

      test('the others have it, the run is partly done, and the dead one is named', async () => {
        const { stdout, stderr } = await run(['snapshot'], 3);
        expect(stdout).toMatch(/In 2 of 3 repositories\./);
        expect(stdout).toMatch(/bucket-\d+\/b +NOT there: /);
        expect(stderr).toMatch(/The other copies go on without it/);
        for (const at of [0, 2]) await judge(at);
      });

      test.each([
        [3, ['--min-copies', '2'], 'enough'],
        [1, ['--min-copies', '3'], 'too few'],
      ] as const)('exit %i with %j', async (exitCode, options, verdict) => {
        const result = await snapshot(exitCode, ...options);
        expect(result.verdict).toBe(verdict);
        expect(result.copies.map((copy) => copy.snapshot !== undefined)).toEqual([true, false, true]);
        expect(result.copies[1]?.error?.message).toBeTruthy();
      });

      test('relocate.yaml may say how many it must be', async () => {
        await describeApp('copies: { min: 3 }\n');
        const { stdout } = await run(['snapshot'], 1);
        expect(stdout).toMatch(/In 2 of 3 repositories, which is TOO FEW: it must be in 3 repositories\./);
      });

      test('it is caught up by “relocate copy” when it is back', async () => {
        await snapshot(3);
        isDenied = () => false;
        const behind = await snapshot();
        expect(behind.copies.map(({ lacking }) => lacking)).toEqual([0, 1, 0]);
        const { stdout } = await run(['copy']);
        expect(stdout).toMatch(/bucket-\d+\/b: got 1 snapshot,/);
        expect(await snapshot()).toMatchObject({ copies: [{ lacking: 0 }, { lacking: 0 }, { lacking: 0 }] });
        // The lock of the run that it died in could not be taken away.
        expect((await run(['unlock'])).stdout.match(/1 lock removed/g)).toHaveLength(1);
        for (const at of [0, 1, 2]) await judge(at);
        expect((await run(['copy'])).stdout.match(/has all there is/g)).toHaveLength(3);
      });
    });

    describe('when one is damaged or gone', () => {
      beforeEach(async () => {
        await run(['init', '--repository']);
        await snapshot();
      });

      test('a restore takes what is damaged from another copy, and says so', async () => {
        await damagePacks(0);
        const { stderr } = await restored();
        expect(stderr).toMatch(/is not what was stored\. It is read from another copy\./);
        const { stdout } = await run(['check', '--read-data'], 1);
        expect(stdout).toMatch(/errors? found/);
        expect(stdout.match(/No errors were found/g)).toHaveLength(2);
      });

      test('a copy that is gone is a warning as long as one is left', async () => {
        await rm(placeOf(0), { recursive: true });
        isDenied = () => true;
        expect((await restored()).stderr).toMatch(/There is no repository at/);
        expect((await run(['show', 'latest'])).stdout).toMatch(/Snapshot/);
        expect((await run(['snapshots'])).stdout).toMatch(/ 1 +.*app=notes/);
        expect((await run(['check'], 3)).stdout).toMatch(/NOT done: There is no repository/);
        await rm(placeOf(2), { recursive: true });
        expect((await run(['snapshots'], 10)).stderr).toMatch(/None of the 3 repositories can be used/);
      });
    });

    test('what could never count is refused before anything is done', async () => {
      await run(['init', '--repository']);
      expect((await run(['snapshot', '--min-copies', '4'], 2)).stderr).toMatch(/there are 3 repositories/);
      const providers = await run(['snapshot', '--min-providers', '2'], 2);
      expect(providers.stderr).toMatch(/there is 1 provider: this machine/);
      expect((await run(['snapshots'])).stdout).toMatch(/There is no snapshot yet/);
    });

    test('each may open by a password of its own, and one that refuses is named', async () => {
      await writeFile(join(cwd, 'second'), 'another password\n');
      urls = [urls[0] ?? '', urls[2] ?? ''];
      const places = [urls[0], { url: urls[1], passwordFile: 'second' }];
      const yaml = (repositories: unknown) =>
        writeFile(
          join(cwd, 'relocate.yaml'),
          `app: notes\ncode: .\nrepositories: ${JSON.stringify(repositories)}\n`,
        );
      await yaml(places);
      await run(['init', '--repository']);
      expect(await snapshot()).toMatchObject({ verdict: 'everywhere' });
      const held = resticRunner(restic, placeOf(1)).run(['ls', 'latest'], { password: 'another password' });
      expect(held).toContain('/app/code/files/large');
      expect(held).not.toContain('/app/code/second');
      await yaml(urls);
      const { stderr } = await run(['snapshot'], 3);
      expect(stderr).toContain(`The password does not open ${urls[1] ?? ''}`);
    });

    test('what is done with one repository at a time asks for its name', async () => {
      const { stderr } = await run(['key', 'list'], 2);
      expect(stderr).toMatch(/relocate.yaml lists several repositories/);
    });
  },
);
