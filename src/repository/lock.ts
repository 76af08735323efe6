import { setTimeout as sleep } from 'node:timers/promises';
import { hostname, userInfo } from 'node:os';
import * as z from 'zod';
import { RelocateError, systemCodeOf } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import type { MasterKey } from './crypto.ts';
import { loadDocument, saveDocument } from './document.ts';
import type { Id, LockInfo } from './types.ts';

/** Locks as restic keeps them: files that say who works here. Shared ones go together, an exclusive one with none. */
const lockJson = z.object({
  time: z.string(),
  exclusive: z.boolean(),
  hostname: z.string(),
  username: z.string(),
  pid: z.int(),
  uid: z.int().optional(),
  gid: z.int().optional(),
});

const settleMs = 200;
const refreshMs = 5 * 60_000;
/** A holder that could not refresh for this long stops: at 30 minutes others may take its lock for stale. */
const lostMs = 22.5 * 60_000;
const staleMs = 30 * 60_000;

export interface LockPlace {
  storage: Storage;
  key: MasterKey;
  version: 1 | 2;
}

/** Throws `repository-locked`, and `lock-lost` through the signal that `work` is given. */
export async function withLock<T>(
  place: LockPlace,
  mode: 'shared' | 'exclusive',
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const exclusive = mode === 'exclusive';
  await assertNoConflict(place, exclusive, undefined);
  let own = await writeLock(place, exclusive);
  const lost = new AbortController();
  let refreshedAtMs = Date.now();
  const timer = setInterval(() => {
    const refresh = async () => {
      const next = await writeLock(place, exclusive);
      const before = own;
      own = next;
      refreshedAtMs = Date.now();
      await place.storage.remove({ type: 'lock', name: before });
    };
    if (Date.now() - refreshedAtMs > lostMs) lost.abort(lockLost());
    else refresh().catch(() => {});
  }, refreshMs);
  timer.unref();
  try {
    // Two that wrote at the same moment see each other now.
    await sleep(settleMs);
    await assertNoConflict(place, exclusive, own);
    return await work(signal ? AbortSignal.any([signal, lost.signal]) : lost.signal);
  } finally {
    clearInterval(timer);
    await place.storage.remove({ type: 'lock', name: own }).catch(() => {});
  }
}

async function writeLock({ storage, key, version }: LockPlace, exclusive: boolean): Promise<Id> {
  const { username, uid, gid } = userInfo();
  const lock = {
    time: new Date().toISOString(),
    exclusive,
    hostname: hostname(),
    username,
    pid: process.pid,
    uid,
    gid,
  };
  return saveDocument(storage, key, 'lock', lock, version);
}

async function assertNoConflict(place: LockPlace, exclusive: boolean, own: Id | undefined): Promise<void> {
  for (const lock of await listLocks(place)) {
    if (lock.id === own || lock.stale || !(exclusive || lock.exclusive)) continue;
    throw new RelocateError(
      'repository-locked',
      `The repository is in use by ${lock.username}@${lock.hostname}, process ${lock.pid}, since ${lock.time.replace(/\.\d+/, '')}.`,
      {
        facts: { pid: lock.pid, hostname: lock.hostname, since: lock.time, exclusive: lock.exclusive },
        hint: 'Nothing was changed. Wait until it is done. If that process is gone: relocate unlock',
        retryable: true,
      },
    );
  }
}

/** A lock that goes away between the listing and the reading is none; one that cannot be read counts as alive. */
export async function listLocks({ storage, key }: LockPlace): Promise<LockInfo[]> {
  const locks: LockInfo[] = [];
  for (const { name } of await storage.list('lock')) {
    try {
      const lock = lockJson.parse(await loadDocument(storage, key, { type: 'lock', name }));
      const { time, exclusive, username, pid } = lock;
      locks.push({ id: name, time, exclusive, hostname: lock.hostname, username, pid, stale: isStale(lock) });
    } catch (error) {
      if (error instanceof RelocateError && error.facts['missing'] === true) continue;
      throw error;
    }
  }
  return locks;
}

export async function removeLocks(place: LockPlace, all: boolean): Promise<LockInfo[]> {
  const removed = (await listLocks(place)).filter((lock) => all || lock.stale);
  for (const { id } of removed) await place.storage.remove({ type: 'lock', name: id });
  return removed;
}

function isStale(lock: z.infer<typeof lockJson>): boolean {
  if (Date.now() - Date.parse(lock.time) > staleMs) return true;
  return lock.hostname === hostname() && !isAlive(lock.pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}

function lockLost(): RelocateError {
  return new RelocateError('lock-lost', 'The lock on the repository could not be kept.', {
    hint: 'Nothing was written since. Run the same command again; what was stored is used.',
    retryable: true,
  });
}
