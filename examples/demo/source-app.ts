import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { findPostgres } from '../../src/postgres/binaries.ts';
import {
  clusterFolder,
  initialiseCluster,
  serverCommand,
  waitUntilReady,
} from '../../src/postgres/server.ts';

const project = path.join(import.meta.dirname, '../..');
const example = path.join(project, 'examples/guestbook');

/** The app on its first host: a folder, a PostgreSQL server, a process. `lose` leaves nothing of them. */
export interface SourceApp {
  folder: string;
  address: string;
  postgresVersion: string;
  lose(): Promise<void>;
}

/** What to do at the end, or at Ctrl-C, last first. Every step may find its work done already. */
export type AtEnd = (step: () => Promise<void>) => void;

/** Starts the guestbook in `host`, a folder that does not exist yet, as its Procfile and .env say. */
export async function startSourceApp(host: string, atEnd: AtEnd): Promise<SourceApp> {
  const folder = path.join(host, 'guestbook');
  await copyApp(folder);
  const database = await startDatabase(host, atEnd);
  const port = await freePort();
  const environment = {
    DATABASE_URL: database.url,
    PORT: String(port),
    UPLOADS_DIR: './uploads',
    VISITS_DB: './visits.sqlite',
  };
  const lines = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(path.join(folder, '.env'), lines.join(''), { mode: 0o600 });
  const logFile = path.join(host, 'guestbook.log');
  const service = await startService(folder, environment, logFile);
  atEnd(() => stop(service, 'SIGTERM'));
  const address = `http://127.0.0.1:${port}`;
  await untilHealthy(address, service, logFile);
  return {
    folder,
    address,
    postgresVersion: database.version,
    async lose() {
      await stop(service, 'SIGTERM');
      await database.remove();
      await rm(host, { recursive: true, force: true });
    },
  };
}

/** The app's files, and the npm packages it needs, as the project has them: what `npm install` would put there. */
async function copyApp(folder: string): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  await cp(example, folder, {
    recursive: true,
    filter: (source) => !['node_modules', '.env', '.relocate'].includes(path.basename(source)),
  });
  const copied = new Set<string>();
  const wanted = ['pg'];
  for (const name of wanted) {
    if (copied.has(name)) continue;
    copied.add(name);
    const from = path.join(project, 'node_modules', name);
    await cp(from, path.join(folder, 'node_modules', name), { recursive: true });
    const manifest = JSON.parse(await readFile(path.join(from, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    wanted.push(...Object.keys(manifest.dependencies ?? {}));
  }
}

/** A PostgreSQL server of the app's own, with a database and a user for it; `remove` stops it and deletes its files. */
async function startDatabase(
  host: string,
  atEnd: AtEnd,
): Promise<{ url: string; version: string; remove(): Promise<void> }> {
  const binaries = await findPostgres({ tools: ['postgres', 'initdb', 'pg_dump', 'pg_restore'] });
  const adminPassword = randomBytes(12).toString('hex');
  const wishedFolder = path.join(host, 'postgres');
  atEnd(async () => rm(await clusterFolder(wishedFolder), { recursive: true, force: true }));
  const { dataFolder } = await initialiseCluster({
    binaries,
    dataFolder: wishedFolder,
    superuser: 'admin',
    password: adminPassword,
  });
  const port = await freePort();
  const { command, ...account } = await serverCommand({ binaries, dataFolder, port });
  const [program = '', ...args] = command;
  const server = spawn(program, args, { cwd: dataFolder, stdio: 'ignore', detached: true, ...account });
  // PostgreSQL's fast shutdown: sessions are ended, nobody is waited for.
  atEnd(() => stop(server, 'SIGINT'));
  const adminUrl = `postgres://admin:${adminPassword}@127.0.0.1:${port}/postgres`;
  await waitUntilReady(adminUrl, { timeoutMs: 30_000 });

  const password = randomBytes(12).toString('hex');
  const admin = new Client(adminUrl);
  await admin.connect();
  await admin.query(`create role guestbook login password '${password}'`);
  await admin.query('create database guestbook owner guestbook');
  await admin.end();
  return {
    url: `postgres://guestbook:${password}@127.0.0.1:${port}/guestbook`,
    version: binaries.version,
    async remove() {
      await stop(server, 'SIGINT');
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

/** Runs the Procfile's one line the way Procfile runners do: by a shell, in the app's folder, in a process group of its own. */
async function startService(
  folder: string,
  environment: Record<string, string>,
  logFile: string,
): Promise<ChildProcess> {
  const procfile = await readFile(path.join(folder, 'Procfile'), 'utf8');
  const command = /^web: (.+)$/m.exec(procfile)?.[1] ?? '';
  const log = await open(logFile, 'a');
  const service = spawn('sh', ['-c', `exec ${command}`], {
    cwd: folder,
    env: { ...environment, PATH: `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', log.fd, log.fd],
    detached: true,
  });
  await once(service, 'spawn');
  await log.close();
  return service;
}

async function untilHealthy(address: string, service: ChildProcess, logFile: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline && service.exitCode === null) {
    const response = await fetch(`${address}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    await sleep(50);
  }
  throw new Error(`The guestbook did not start. Its log:\n${await readFile(logFile, 'utf8')}`);
}

async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
