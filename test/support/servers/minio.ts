import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram, startServer } from './server.ts';

/** A real S3 server; bin/setup --for test builds it. */
export const minioProgram = findProgram('minio');
export const minioReason = 'needs minio: bin/setup --for test builds it where Go is';

export const minioCredentials = {
  AWS_ACCESS_KEY_ID: 'relocate-test',
  AWS_SECRET_ACCESS_KEY: 'not-a-real-key',
};

export interface Minio {
  /** `http://127.0.0.1:PORT` */
  endpoint: string;
  /** Its folder: a bucket is a folder in it. */
  folder: string;
  stop(): Promise<void>;
}

export interface MinioOptions {
  /** The only one whose requests it takes. */
  region?: string;
  /** Of this machine, where the server is to be reached; it then listens on all of them. */
  address?: string;
}

/** Starts an empty server of its own. */
export async function startMinio({ region = '', address }: MinioOptions = {}): Promise<Minio> {
  if (minioProgram === undefined) throw new Error(minioReason);
  const folder = await mkdtemp(join(tmpdir(), 'relocate-minio-'));
  const server = await startServer(
    minioProgram,
    (port) => [
      'server',
      '--quiet',
      '--address',
      `${address === undefined ? '127.0.0.1' : '0.0.0.0'}:${port}`,
      join(folder, 'served'),
    ],
    {
      env: {
        HOME: folder,
        MINIO_ROOT_USER: minioCredentials.AWS_ACCESS_KEY_ID,
        MINIO_ROOT_PASSWORD: minioCredentials.AWS_SECRET_ACCESS_KEY,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
        ...(region === '' ? {} : { MINIO_SITE_REGION: region }),
      },
    },
  );
  const endpoint = `http://${address ?? '127.0.0.1'}:${server.port}`;
  await untilReady(endpoint);
  return {
    endpoint,
    folder: join(folder, 'served'),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** It accepts connections some time before it serves. */
async function untilReady(endpoint: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const answer = await fetch(`${endpoint}/minio/health/ready`);
    await answer.body?.cancel();
    if (answer.ok) return;
    await sleep(50);
  }
  throw new Error('minio does not become ready');
}
