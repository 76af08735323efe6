import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { openStorage } from '../../src/storage/index.ts';
import { openS3Storage } from '../../src/storage/s3.ts';
import { errorOf, named, storageContract } from '../contract/storage.ts';
import { smallApp, storageJudged } from '../contract/storage-judged.ts';
import { differences, filesIn } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import {
  minioCredentials,
  minioProgram,
  minioReason,
  startMinio,
  type Minio,
} from '../support/servers/minio.ts';
import { minioSession } from '../support/servers/minio-session.ts';
import { startFaultyProxy, type Fate } from '../support/servers/proxy.ts';

const random = seeded(4004);

(minioProgram === undefined ? describe.skip : describe)(`on a real S3 server (${minioReason})`, () => {
  let minio: Minio;

  beforeAll(async () => {
    Object.assign(process.env, minioCredentials);
    delete process.env['AWS_REGION'];
    delete process.env['AWS_DEFAULT_REGION'];
    minio = await startMinio();
  });
  afterAll(async () => {
    await minio.stop();
  });

  storageContract('a bucket on an S3 server', async () => {
    const url = `s3:${minio.endpoint}/contract/a/prefix`;
    return { storage: await openStorage(url), again: () => openStorage(url), cleanUp: async () => {} };
  });

  storageJudged('a new bucket on an S3 server', async () => ({
    urlOf: (name) => `s3:${minio.endpoint}/bucket-${name}/a/prefix`,
    restic: {},
  }));

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
    const app = await smallApp();
    try {
      const url = `s3:${proxy.endpoint}/troubled/by/faults`;
      await app.run(url, 'init', '--repository');
      const said = await app.run(url, 'snapshot');
      await app.run(url, 'check', '--read-data');
      const target = await app.emptyFolder();
      await app.run(url, 'restore', 'latest', '--target', target);
      expect(differences(await filesIn(join(target, 'data/files')), app.contents)).toEqual([]);
      expect(proxy.faults).toEqual(
        expect.arrayContaining(['PUT refuse', 'PUT cut-request', 'GET cut-answer']),
      );
      expect(said).toMatch(/Trying again/);
    } finally {
      await proxy.stop();
      await app.remove();
    }
  }, 180_000);

  test('credentials that may not delete: snapshots go on, the person hears once that locks stay, and a removal is denied', async () => {
    const url = `s3:${minio.endpoint}/append-only/app`;
    const owner = await smallApp();
    const allowed = ['s3:ListBucket', 's3:GetBucketLocation', 's3:GetObject', 's3:PutObject'];
    const session = await minioSession(minio.endpoint, allowed);
    const app = await smallApp(session);
    try {
      await owner.run(url, 'init', '--repository');
      for (let turn = 0; turn < 2; turn += 1) {
        const said = await app.run(url, 'snapshot');
        expect(said.split('these credentials may not delete')).toHaveLength(2);
      }
      await owner.run(url, 'unlock', '--remove-all');
      expect(await owner.run(url, 'check', '--read-data')).toMatch(/snapshots?/);
      Object.assign(process.env, session);
      const storage = await openS3Storage(`${minio.endpoint}/append-only/app`);
      const [lasting] = await storage.list('snapshot');
      const file = { type: 'snapshot', name: lasting?.name ?? '' } as const;
      expect(await errorOf(storage.remove(file))).toMatchObject({
        code: 'storage-failed',
        retryable: false,
        facts: { denied: true },
        hint: expect.stringContaining('s3:DeleteObject'),
      });
      expect(await storage.size(file)).toBeGreaterThan(0);
      await storage.close();
    } finally {
      Object.assign(process.env, minioCredentials);
      delete process.env['AWS_SESSION_TOKEN'];
      await owner.remove();
      await app.remove();
    }
  }, 120_000);

  test('a slow limit is kept on the way up and down, in pieces', async () => {
    const rate = 4 * 1024 * 1024;
    const taken = { up: 0, down: 0, largest: 0 };
    const counted = (way: 'up' | 'down') => async (bytes: number) => {
      taken[way] += bytes;
      taken.largest = Math.max(taken.largest, bytes);
    };
    const traffic = { pieceBytes: rate / 64, upload: counted('up'), download: counted('down') };
    const storage = await openS3Storage(`${minio.endpoint}/limited`, traffic);
    await storage.initialise();
    const large = random.bytes(3_000_000);
    await storage.save(named('pack', large), [large]);
    expect((await storage.load(named('pack', large))).equals(large)).toBe(true);
    expect(taken).toMatchObject({ up: large.length, down: large.length });
    expect(taken.largest).toBeLessThanOrEqual(rate / 64);
    await storage.close();
  });

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

    test('files are kept for as long as the address says, and locks are not', async () => {
      const sdk = await import('@aws-sdk/client-s3');
      const client = new sdk.S3Client({
        endpoint: minio.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
      });
      const Bucket = 'retained';
      await client.send(new sdk.CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
      const storage = await openStorage(`s3:${minio.endpoint}/${Bucket}?retention=governance:30d`);
      await storage.initialise();
      await storage.save(file, [content]);
      await storage.save(named('lock', content), [content]);
      const { Versions = [] } = await client.send(new sdk.ListObjectVersionsCommand({ Bucket }));
      const heads = await Promise.all(
        Versions.map(({ Key, VersionId }) =>
          client.send(new sdk.HeadObjectCommand({ Bucket, Key, VersionId })),
        ),
      );
      const kept = heads.map(({ ObjectLockMode, ObjectLockRetainUntilDate }, at) => ({
        lies: Versions[at]?.Key?.split('/')[0],
        ObjectLockMode,
        days: Math.round(((ObjectLockRetainUntilDate?.getTime() ?? Date.now()) - Date.now()) / 86_400_000),
      }));
      expect(kept.toSorted((a, b) => String(a.lies).localeCompare(String(b.lies)))).toEqual([
        { lies: 'data', ObjectLockMode: 'GOVERNANCE', days: 30 },
        { lies: 'locks', ObjectLockMode: undefined, days: 0 },
      ]);
      const pack = Versions.find(({ Key }) => Key?.startsWith('data/') === true);
      const removed = client.send(
        new sdk.DeleteObjectCommand({ Bucket, Key: pack?.Key, VersionId: pack?.VersionId }),
      );
      await expect(removed).rejects.toThrow(/WORM|denied|retention/i);
      expect((await storage.load(file)).equals(content)).toBe(true);
      client.destroy();
      await storage.close();
    });

    test('files have the storage class that the address names', async () => {
      const storage = await openStorage(`s3:${minio.endpoint}/classes/x?storage-class=REDUCED_REDUNDANCY`);
      await storage.initialise();
      await storage.save(file, [content]);
      const sdk = await import('@aws-sdk/client-s3');
      const client = new sdk.S3Client({
        endpoint: minio.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
      });
      const { Contents } = await client.send(new sdk.ListObjectsV2Command({ Bucket: 'classes' }));
      expect(Contents?.map(({ StorageClass }) => StorageClass)).toEqual(['REDUCED_REDUNDANCY']);
      client.destroy();
      await storage.close();
    });

    test('the region that the server is in is found out, whatever the environment says', async () => {
      process.env['AWS_REGION'] = 'us-west-2';
      const elsewhere = await startMinio({ region: 'eu-test-1' });
      // It may still say that it is not ready; that is waited out.
      const storage = await openStorage(`s3:${elsewhere.endpoint}/bucket`);
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
