import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { RelocateError, systemCodeOf } from '../errors.ts';
import { exclusively } from '../hosts/exclusive.ts';
import { isAlive, processOf } from '../hosts/process.ts';
import { writeDurably } from './durable-file.ts';
import { stateLayout } from './layout.ts';

const holderSchema = z.object({ pid: z.number().int(), startedAt: z.string(), since: z.string() });
export type LockHolder = z.infer<typeof holderSchema>;

/**
 * Runs `work` as the only one that deploys this app to this target, or destroys such a deployment.
 * Throws `deployment-busy` at once when somebody else does.
 */
export function withDeployLock<T>(
  { stateFolder, app, target }: { stateFolder: string; app: string; target: string },
  work: () => Promise<T>,
): Promise<T> {
  return alone(stateLayout.deployLock(stateFolder, app, target), deploymentBusy, work);
}

/**
 * Runs `work` as the only one that captures this app: two at once would run its hooks in each other's midst, and both
 * store what one of them would have found stored. Throws `snapshot-busy` at once when somebody else does.
 */
export function withSnapshotLock<T>(
  { stateFolder, app }: { stateFolder: string; app: string },
  work: () => Promise<T>,
): Promise<T> {
  return alone(stateLayout.snapshotLock(stateFolder, app), snapshotBusy, work);
}

/** Runs `work` as the only one that changes this app's DNS records. Throws `cutover-busy` at once when somebody else does. */
export function withCutoverLock<T>(
  { stateFolder, app }: { stateFolder: string; app: string },
  work: () => Promise<T>,
): Promise<T> {
  return alone(stateLayout.cutoverLock(stateFolder, app), cutoverBusy, work);
}

/** Who holds the lock now; undefined when nobody does. */
export async function lockHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const holder = holderSchema.parse(JSON.parse(await readFile(holderPath(path), 'utf8')));
    return (await isAlive(holder)) ? holder : undefined;
  } catch {
    return undefined;
  }
}

type Busy = (holder: LockHolder | undefined) => RelocateError;

async function alone<T>(path: string, busy: Busy, work: () => Promise<T>): Promise<T> {
  await makeLockFolder(dirname(path));
  const named = async () => {
    await nameHolder(path);
    try {
      return await work();
    } finally {
      await rm(holderPath(path), { force: true });
    }
  };
  return exclusively(path, named, { patienceMs: 0, busy: async () => busy(await lockHolder(path)) });
}

async function makeLockFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new RelocateError('storage-failed', `The state folder cannot be written to: ${path}`, {
      facts: { path, reason: systemCodeOf(cause) },
      hint: 'Nothing was changed. Name another folder with --state DIR.',
      cause,
    });
  }
}

const holderPath = (path: string) => `${path}.json`;

/** Only says to others who holds the lock; it holds without that as well, so a full disk is no reason to stop here. */
async function nameHolder(path: string): Promise<void> {
  const self = await processOf(process.pid);
  const holder = JSON.stringify({ ...self, since: new Date().toISOString() });
  await writeDurably(holderPath(path), holder).catch(() => {});
}

function deploymentBusy(holder: LockHolder | undefined): RelocateError {
  const message = `This app is being deployed to this target, or taken from it, by ${nameOf(holder)} now.`;
  return new RelocateError('deployment-busy', message, {
    facts: { pid: holder?.pid, since: holder?.since },
    hint: 'Nothing was changed. Wait until it is done; “relocate status” shows how far it is.',
    retryable: true,
  });
}

function snapshotBusy(holder: LockHolder | undefined): RelocateError {
  return new RelocateError(
    'snapshot-busy',
    `A snapshot of this app is being taken by ${nameOf(holder)} now.`,
    {
      facts: { pid: holder?.pid, since: holder?.since },
      hint: 'Nothing was changed, and that one goes on. Wait until it is done, then run the same command again.',
      retryable: true,
    },
  );
}

function cutoverBusy(holder: LockHolder | undefined): RelocateError {
  return new RelocateError('cutover-busy', `The app’s names are being moved by ${nameOf(holder)} now.`, {
    facts: { pid: holder?.pid, since: holder?.since },
    hint: 'Nothing was changed. Wait until it is done, or end it with Ctrl-C where it runs; then run the same command again.',
    retryable: true,
  });
}

function nameOf(holder: LockHolder | undefined): string {
  return holder === undefined ? 'another process' : `process ${holder.pid}`;
}
