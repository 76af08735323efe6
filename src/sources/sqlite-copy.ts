import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { isTaken } from '../hosts/process.ts';

/** Pages copied before the signal is looked at. */
const pagesPerStep = 2000;
const folderPattern = /^relocate-sqlite-(\d+)-\w{6}$/;

/**
 * Gives `work` a copy of the database as the open read transaction of `database` sees it, in a folder that only this
 * user can enter. The folder is gone afterwards; what a killed run left is removed by the next.
 */
export async function withCopy<Result>(
  database: DatabaseSync,
  signal: AbortSignal,
  work: (copy: string) => Promise<Result>,
): Promise<Result> {
  const { backup } = await import('node:sqlite');
  await removeLeftovers();
  // Not beside the database: that folder may be captured itself, just now.
  const folder = await mkdtemp(path.join(tmpdir(), `relocate-sqlite-${process.pid}-`));
  try {
    const copy = path.join(folder, 'copy');
    // Made beforehand because SQLite would make it readable for all.
    await (await open(copy, 'wx', 0o600)).close();
    await backup(database, copy, { rate: pagesPerStep, progress: () => signal.throwIfAborted() });
    signal.throwIfAborted();
    return await work(copy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = folderPattern.exec(name)?.[1];
    if (pid === undefined || isTaken(Number(pid))) continue;
    // One that another user left is not ours to remove.
    await rm(path.join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}
