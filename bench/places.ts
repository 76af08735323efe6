import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minioCredentials, startMinio } from '../test/support/servers/minio.ts';
import type { PeerName } from './peers.ts';
import { sizeOf } from './support.ts';

/** Where the repositories of one comparison lie, and how each program spells that. */
export interface Place {
  name: PlaceName;
  url(peer: PeerName): string;
  /** rustic's settings, as TOML: it takes options of a storage from there only. */
  rusticSettings: string;
  /** Behind `kopia repository create`. */
  kopiaArguments: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** Bytes of all files of one program's repository. */
  sizeBytes(peer: PeerName): Promise<number>;
  /** Removes one program's repository. */
  clear(peer: PeerName): Promise<void>;
  close(): Promise<void>;
}

export const placeNames = ['local', 's3', 's3-30ms'] as const;
export type PlaceName = (typeof placeNames)[number];

export async function openPlace(name: PlaceName, folder: string): Promise<Place> {
  if (name === 'local') return localPlace(join(folder, 'repositories'));
  return s3Place(name, folder, name === 's3' ? 0 : 15);
}

async function localPlace(folder: string): Promise<Place> {
  await mkdir(folder);
  const pathOf = (peer: PeerName) => join(folder, peer);
  return {
    name: 'local',
    url: (peer) => `local:${pathOf(peer)}`,
    rusticSettings: tomlOf({ repository: { repository: pathOf('rustic') } }),
    kopiaArguments: ['filesystem', '--path', pathOf('kopia')],
    environment: {},
    sizeBytes: (peer) => sizeOf(pathOf(peer)),
    clear: (peer) => rm(pathOf(peer), { recursive: true, force: true }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A real S3 server on this machine, its files in memory too. */
async function s3Place(name: PlaceName, folder: string, oneWayMs: number): Promise<Place> {
  // Where the server's own folder is made.
  process.env['TMPDIR'] = folder;
  const server = await startMinio();
  await mkdir(join(server.folder, bucket), { recursive: true });
  const { endpoint, stop } =
    oneWayMs === 0
      ? { endpoint: server.endpoint, stop: async () => {} }
      : await startLatency(server.endpoint, oneWayMs);
  const { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey } = minioCredentials;
  const pathOf = (peer: PeerName) => join(server.folder, bucket, peer);
  return {
    name,
    url: (peer) => `s3:${endpoint}/${bucket}/${peer}`,
    rusticSettings: tomlOf({
      repository: { repository: 'opendal:s3' },
      'repository.options': {
        endpoint,
        bucket,
        root: '/rustic',
        region: 'us-east-1',
        access_key_id: accessKey,
        secret_access_key: secretKey,
      },
    }),
    kopiaArguments: [
      's3',
      `--endpoint=${new URL(endpoint).host}`,
      `--bucket=${bucket}`,
      '--prefix=kopia/',
      '--region=us-east-1',
      `--access-key=${accessKey}`,
      `--secret-access-key=${secretKey}`,
      '--disable-tls',
    ],
    environment: { ...minioCredentials, AWS_REGION: 'us-east-1' },
    sizeBytes: (peer) => sizeOf(pathOf(peer)),
    clear: (peer) => rm(pathOf(peer), { recursive: true, force: true }),
    async close() {
      await stop();
      await server.stop();
    },
  };
}

function tomlOf(tables: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  const lines = Object.entries(tables).flatMap(([name, values]) => [
    `[${name}]`,
    ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
  ]);
  return `${lines.join('\n')}\n`;
}

const bucket = 'bench';
const latencyProgram = fileURLToPath(new URL('./latency.ts', import.meta.url));

async function startLatency(
  target: string,
  oneWayMs: number,
): Promise<{ endpoint: string; stop(): Promise<void> }> {
  const { hostname, port } = new URL(target);
  const child = spawn(process.execPath, [latencyProgram, hostname, port, String(oneWayMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const [line] = (await Promise.race([once(child.stdout.setEncoding('utf8'), 'data'), ended])) as [unknown];
  if (typeof line !== 'string') throw new Error('the proxy that adds latency does not start');
  return {
    endpoint: `http://127.0.0.1:${line.trim()}`,
    async stop() {
      child.kill();
      await ended;
    },
  };
}
