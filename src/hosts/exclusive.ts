import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../errors.ts';

export interface ExclusiveOptions {
  /** How long to wait for others to be done; 60,000 by default. */
  patienceMs?: number;
  /** What is thrown when they are not; `deployment-busy` for a service by default. */
  busy?: () => RelocateError | Promise<RelocateError>;
}

/**
 * Runs `work` while nobody else, in this process or another, runs theirs under the same path. The lock is SQLite's on
 * an empty database: the system lets go of it when a process dies, which no lock file of our own could promise.
 */
export async function exclusively<Result>(
  path: string,
  work: () => Promise<Result>,
  { patienceMs = 60_000, busy = () => serviceBusy(path) }: ExclusiveOptions = {},
): Promise<Result> {
  const { DatabaseSync } = await import('node:sqlite');
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const database = new DatabaseSync(path);
  try {
    const deadline = Date.now() + patienceMs;
    while (!tryLock(database)) {
      if (Date.now() >= deadline) throw await busy();
      await sleep(25);
    }
    return await work();
  } finally {
    database.close();
  }
}

function tryLock(database: { exec(sql: string): void }): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (hasErrcode(error) && error.errcode === sqliteBusy) return false;
    throw error;
  }
}

function hasErrcode(error: unknown): error is { errcode: unknown } {
  return typeof error === 'object' && error !== null && 'errcode' in error;
}

/** https://www.sqlite.org/rescode.html#busy */
const sqliteBusy = 5;

function serviceBusy(path: string): RelocateError {
  return new RelocateError('deployment-busy', 'Another relocate is starting or stopping the same service', {
    facts: { lock: path },
    hint: 'Wait for it, then run the same command again.',
    retryable: true,
  });
}
