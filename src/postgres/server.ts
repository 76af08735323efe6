import { chmod, chown, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../errors.ts';
import type { PostgresBinaries } from './binaries.ts';
import { codeOf, connect } from './connection.ts';
import { redactUrl } from './url.ts';
import { reachableFolder, serverAccount, type Account } from './unprivileged.ts';

/** A command for a supervisor to run. With `uid` and `gid` it must be run as that user, for which this process is root. */
export interface ServerCommand {
  command: string[];
  uid?: number;
  gid?: number;
}

export interface ClusterOptions {
  binaries: PostgresBinaries;
  /** Where the cluster's files are wished; see the result for where they are. */
  dataFolder: string;
  superuser: string;
  password: string;
  signal?: AbortSignal | undefined;
}

/**
 * Makes a PostgreSQL cluster (passwords by SCRAM, checksums on, UTF-8) and returns its real folder: another than wished
 * where the server's user cannot reach that (see `clusterFolder`). One that is there already is left as it is. It gets
 * its name when it is whole, so a run killed half-way leaves nothing that looks like one. Throws `provision-failed`.
 */
export async function initialiseCluster(options: ClusterOptions): Promise<{ dataFolder: string }> {
  const account = await serverAccount();
  await mkdir(path.dirname(options.dataFolder), { recursive: true });
  const dataFolder = await reachableFolder(options.dataFolder, account);
  if (await isCluster(dataFolder)) return { dataFolder };
  if (dataFolder !== options.dataFolder) await makePassable(path.dirname(dataFolder));
  const building = `${dataFolder}.new`;
  await rm(building, { recursive: true, force: true });
  await mkdir(building, { mode: 0o700 });
  const passwordFile = path.join(building, 'password');
  try {
    await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600, flag: 'wx' });
    if (account !== undefined) {
      await chown(passwordFile, account.uid, account.gid);
      await chown(building, account.uid, account.gid);
    }
    await runInitdb(options, path.join(building, 'data'), passwordFile, account);
    await rename(path.join(building, 'data'), dataFolder);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return { dataFolder };
}

/** Where `initialiseCluster` puts a cluster wished at `dataFolder`: what `destroy` has to remove. */
export async function clusterFolder(dataFolder: string): Promise<string> {
  return reachableFolder(dataFolder, await serverAccount());
}

/** To be passed through by the server's user, whatever our umask. */
async function makePassable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
}

async function isCluster(folder: string): Promise<boolean> {
  return stat(path.join(folder, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}

async function runInitdb(
  { binaries, superuser, signal }: ClusterOptions,
  dataFolder: string,
  passwordFile: string,
  account: Account | undefined,
): Promise<void> {
  const { execa } = await import('execa');
  const args = [
    `--pgdata=${dataFolder}`,
    `--username=${superuser}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
    '--data-checksums',
  ];
  const result = await execa(path.join(binaries.folder, 'initdb'), args, {
    ...account,
    // The folder we stand in may be closed to the server's user.
    cwd: path.dirname(dataFolder),
    env: { LC_ALL: 'C' },
    stdin: 'ignore',
    reject: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  signal?.throwIfAborted();
  if (result.exitCode === 0) return;
  throw new RelocateError('provision-failed', 'initdb could not make a PostgreSQL cluster.', {
    facts: { folder: dataFolder, exitCode: result.exitCode, output: result.stderr.slice(-2000) },
    hint: 'Nothing was left behind. See its words above; a full disk and missing rights are the usual causes.',
  });
}

/**
 * Pure but for the choice of user: the command that serves a cluster on this machine alone, by TCP. Settings give a
 * restore room (few checkpoints, fast index builds) and cost nothing of safety: fsync and full page writes stay on.
 */
export async function serverCommand(options: {
  binaries: PostgresBinaries;
  dataFolder: string;
  port: number;
  /** For a Unix socket as well; its path must be short (107 bytes). */
  socketFolder?: string;
}): Promise<ServerCommand> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: options.port,
    unix_socket_directories: options.socketFolder ?? '',
    max_wal_size: '4GB',
    checkpoint_timeout: '15min',
    maintenance_work_mem: '256MB',
    shared_buffers: '256MB',
    // One lock for each table, index and large object that is dumped or restored in one transaction.
    max_locks_per_transaction: 1024,
    logging_collector: 'off',
  };
  const command = [path.join(options.binaries.folder, 'postgres'), '-D', options.dataFolder];
  for (const [name, value] of Object.entries(settings)) command.push('-c', `${name}=${value}`);
  return { command, ...(await serverAccount()) };
}

/** Waits until the server takes a session. Throws `start-failed` after the time, and at once for a refused password. */
export async function waitUntilReady(
  url: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    try {
      const connection = await connect(url, { failure: 'start-failed', signal: options.signal });
      await connection.close();
      return;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof RelocateError) || !error.retryable) throw error;
      if (Date.now() > deadline) {
        throw new RelocateError('start-failed', `PostgreSQL did not come up at ${redactUrl(url)}.`, {
          facts: { timeoutMs: options.timeoutMs, code: codeOf(error) },
          hint: "Look into the server's log file.",
          retryable: true,
          cause: error,
        });
      }
    }
    await sleep(100, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}
