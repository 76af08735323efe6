import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findPostgres } from '../../src/postgres/binaries.ts';
import { initialiseCluster, serverCommand, waitUntilReady } from '../../src/postgres/server.ts';

export interface TestServer {
  /** Of a superuser named "admin", database "postgres". */
  url: string;
  port: number;
  pid: number;
  stop(): Promise<void>;
}

/** A PostgreSQL server of its own on a free port of the loopback address, in a temporary folder. `stop` removes all of it. */
export async function startPostgres(): Promise<TestServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'relocate-test-postgres-'));
  await chmod(folder, 0o755);
  const binaries = await findPostgres({ tools: ['postgres', 'initdb', 'pg_dump', 'pg_restore'] });
  const password = randomBytes(9).toString('base64url');
  const { dataFolder } = await initialiseCluster({
    binaries,
    dataFolder: path.join(folder, 'data'),
    superuser: 'admin',
    password,
  });
  const port = await freePort();
  const { command, uid, gid } = await serverCommand({ binaries, dataFolder, port });
  const [file = '', ...args] = command;
  const server = spawn(file, [...args, '-c', 'fsync=off'], {
    cwd: dataFolder,
    stdio: 'ignore',
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const exited = once(server, 'exit');
  const stop = async (): Promise<void> => {
    // SIGINT is PostgreSQL's fast shutdown: sessions are ended, nobody is waited for.
    server.kill('SIGINT');
    await exited;
    await rm(folder, { recursive: true, force: true });
    if (dataFolder !== path.join(folder, 'data')) await rm(dataFolder, { recursive: true, force: true });
  };
  const url = `postgres://admin:${password}@127.0.0.1:${port}/postgres`;
  try {
    await waitUntilReady(url, { timeoutMs: 30_000 });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, port, pid: server.pid ?? 0, stop };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Whether this machine has what `startPostgres` needs; else a test skips itself visibly. */
export async function hasPostgres(): Promise<boolean> {
  return findPostgres({ tools: ['postgres', 'initdb', 'pg_dump', 'pg_restore'] }).then(
    () => true,
    () => false,
  );
}
