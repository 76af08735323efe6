import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { openStorage } from '../../src/storage/index.ts';
import { openS3Storage } from '../../src/storage/s3.ts';
import { errorOf, named, storageContract } from '../contract/storage.ts';
import { resticBinaries } from '../filesystem/support/restic.ts';
import { relocate, testPassword } from '../support/cli.ts';
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
import { startFaultyProxy, type Fate } from '../support/servers/proxy.ts';

const random = seeded(4004);
const password = testPassword;

(minioProgram === undefined ? describe.skip : describe)(`on a real S3 server (${minioReason})`, () => {
  let minio: Minio;
  let work: string;
  let app: string;
  let contents: Map<string, Buffer>;

  beforeAll(async () => {
    Object.assign(process.env, minioCredentials);
    delete process.env['AWS_REGION'];
    delete process.env['AWS_DEFAULT_REGION'];
    minio = await startMinio();
    work = await mkdtemp(join(tmpdir(), 'relocate-s3-'));
    app = join(work, 'app');
    await mkdir(join(app, 'files'), { recursive: true });
    for (const [name, sizeBytes] of Object.entries({ empty: 0, small: 10_000, large: 40_000_000 }))
      await writeFile(join(app, 'files', name), random.bytes(sizeBytes));
    contents = await filesIn(join(app, 'files'));
  });
  afterAll(async () => {
    await minio.stop();
    await rm(work, { recursive: true, force: true });
  });

  storageContract('a bucket on an S3 server', async () => {
    const url = `s3:${minio.endpoint}/contract/a/prefix`;
    return { storage: await openStorage(url), again: () => openStorage(url), cleanUp: async () => {} };
  });

  /** An app whose repository lies there; each call runs a command on it that must end well. */
  async function appAt(url: string): Promise<(...args: string[]) => Promise<string>> {
    const described = `app: notes\ndata:\n  files: { files: ./files }\nrepositories: [ "${url}" ]\n`;
    await writeFile(join(app, 'relocate.yaml'), described);
    return async (...args) => {
      const { exitCode, stdout, stderr } = await relocate(args, { cwd: app });
      if (exitCode !== 0) throw new Error(`relocate ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
      return stdout + stderr;
    };
  }

  describe.each(resticBinaries)('judged by %s', (binary) => {
    const bucket = `bucket-${resticBinaries.indexOf(binary)}`;

    test('a snapshot in a new bucket passes restic’s check of every byte, and comes back by restic', async () => {
      const url = `s3:${minio.endpoint}/${bucket}/ours`;
      const run = await appAt(url);
      await run('init', '--repository');
      await run('snapshot');
      const restic = resticRunner(binary, url);
      expect(restic.run(['check', '--read-data'], { password })).toContain('no errors were found');
      const target = await mkdtemp(join(work, 'theirs-'));
      restic.run(['restore', 'latest', '--target', target], { password });
      expect(differences(await filesIn(join(target, 'data/files')), contents)).toEqual([]);
    });

    test('what restic saved there passes our check of every byte, and comes back by us', async () => {
      const url = `s3:${minio.endpoint}/${bucket}/theirs`;
      const restic = resticRunner(binary, url);
      restic.run(['init'], { password });
      restic.run(['backup', '.'], { password, cwd: join(app, 'files') });
      const run = await appAt(url);
      await run('check', '--read-data');
      const target = await mkdtemp(join(work, 'ours-'));
      await run('restore', 'latest', '--target', target);
      expect(differences(await filesIn(target), contents)).toEqual([]);
    });
  });

  test('a server that is busy, loses connections and breaks off answers costs time and no byte', async () => {
    const fates: Fate[] = ['refuse', 'cut-request', 'cut-answer'];
    const seen = { PUT: 0, other: 0 };
    const proxy = await startFaultyProxy(minio.endpoint, ({ method }) => {
      const kind = method === 'PUT' ? method : 'other';
      seen[kind] += 1;
      const every = kind === 'PUT' ? 2 : 7;
      const fate = seen[kind] % every === 0 ? fates[(seen[kind] / every) % fates.length] : undefined;
      return fate === 'cut-request' && kind === 'other' ? 'cut-answer' : (fate ?? 'pass');
    });
    try {
      const run = await appAt(`s3:${proxy.endpoint}/troubled/by/faults`);
      await run('init', '--repository');
      const said = await run('snapshot');
      await run('check', '--read-data');
      const target = await mkdtemp(join(work, 'troubled-'));
      await run('restore', 'latest', '--target', target);
      expect(differences(await filesIn(join(target, 'data/files')), contents)).toEqual([]);
      expect(proxy.faults).toEqual(
        expect.arrayContaining(['PUT refuse', 'PUT cut-request', 'GET cut-answer']),
      );
      expect(said).toMatch(/Trying again/);
    } finally {
      await proxy.stop();
    }
  }, 180_000);

  describe('a place that differs from the ordinary', () => {
    const content = random.bytes(1000);
    const file = named('pack', content);

    test('more files than one answer lists are all listed', async () => {
      const storage = await openS3Storage(`${minio.endpoint}/many`);
      await storage.initialise();
      const files = Array.from({ length: 1_100 }, (_, at) => Buffer.from(`${at}`));
      for (let at = 0; at < files.length; at += 50)
        await Promise.all(files.slice(at, at + 50).map((one) => storage.save(named('index', one), [one])));
      const names = (await storage.list('index')).map(({ name }) => name);
      expect(names.toSorted()).toEqual(files.map((one) => named('index', one).name).toSorted());
      await storage.close();
    });

    test('a bucket whose objects are locked takes files and lists them', async () => {
      const sdk = await import('@aws-sdk/client-s3');
      const client = new sdk.S3Client({
        endpoint: minio.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
      });
      await client.send(new sdk.CreateBucketCommand({ Bucket: 'locked', ObjectLockEnabledForBucket: true }));
      const retention = { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } as const;
      const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule: retention } as const;
      await client.send(
        new sdk.PutObjectLockConfigurationCommand({ Bucket: 'locked', ObjectLockConfiguration }),
      );
      client.destroy();
      const storage = await openS3Storage(`${minio.endpoint}/locked`);
      await storage.initialise();
      await storage.save(file, [content]);
      expect((await storage.load(file)).equals(content)).toBe(true);
      expect(await storage.list('pack')).toHaveLength(1);
      await storage.close();
    });

    test('the region that the server is in is found out, whatever the environment says', async () => {
      process.env['AWS_REGION'] = 'us-west-2';
      const elsewhere = await startMinio({ region: 'eu-test-1' });
      const storage = await openS3Storage(`${elsewhere.endpoint}/bucket`);
      delete process.env['AWS_REGION'];
      expect(await storage.size(file)).toBeUndefined();
      await storage.initialise();
      await storage.save(file, [content]);
      expect(await storage.size(file)).toBe(content.length);
      await storage.close();
      await elsewhere.stop();
    });

    test('content that is not what its name says is refused by the server', async () => {
      const storage = await openS3Storage(`${minio.endpoint}/many`);
      await storage.initialise();
      const error = await errorOf(storage.save(file, [content.subarray(1)]));
      expect(error).toMatchObject({ code: 'storage-failed', facts: { reason: 'XAmzContentSHA256Mismatch' } });
      expect(await storage.size(file)).toBeUndefined();
      await storage.close();
    });

    test('wrong credentials and a wrong clock are told apart, with what to do', async () => {
      process.env['AWS_SECRET_ACCESS_KEY'] = 'another-key';
      const storage = await openS3Storage(`${minio.endpoint}/many`);
      expect((await errorOf(storage.list('key'))).hint).toContain('AWS_SECRET_ACCESS_KEY');
      await storage.close();
      Object.assign(process.env, minioCredentials);
      const late = await openS3Storage(`${minio.endpoint}/many`);
      const anHourAgo = Date.now() - 3_600_000;
      const clock = jest.spyOn(Date, 'now').mockImplementation(() => anHourAgo);
      const error = await errorOf(late.list('key')).finally(() => clock.mockRestore());
      expect(error).toMatchObject({ retryable: false, hint: expect.stringContaining('Set the clock') });
      await late.close();
    });
  });
});
