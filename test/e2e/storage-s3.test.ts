import { afterAll, beforeAll, describe } from '@jest/globals';
import { openStorage } from '../../src/storage/index.ts';
import { storageContract } from '../contract/storage.ts';
import {
  minioCredentials,
  minioProgram,
  minioReason,
  startMinio,
  type Minio,
} from '../support/servers/minio.ts';

const hasMinio = minioProgram !== undefined;

(hasMinio ? describe : describe.skip)(`on a real S3 server (${minioReason})`, () => {
  let minio: Minio;
  beforeAll(async () => {
    Object.assign(process.env, minioCredentials);
    minio = await startMinio();
  });
  afterAll(() => minio.stop());

  storageContract('a bucket on an S3 server', async () => {
    const url = `s3:${minio.endpoint}/contract/a/prefix`;
    return { storage: await openStorage(url), again: () => openStorage(url), cleanUp: async () => {} };
  });
});
