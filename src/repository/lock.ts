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
});

const settleMs = 200;
const refreshMs = 5 * 60_000;
const lookMs = 60_000;
/** A holder that could not refresh for this long stops: at 30 minutes others may take its lock for stale. */
const lostMs = 22.5 * 60_000;
const staleMs = 30 * 60_000;

export interface LockPlace {
  storage: Storage;
  key: MasterKey;
  version: 1 | 2;
}

/** Throws `lock-lost` where the lock is not surely held any more. To be awaited before anything that counts. */
export type AssertHeld = () => Promise<void>;

export interface LockOptions {
  signal?: AbortSignal | undefined;
  /** May begin what needs the lock to stand, but not to be the only one. */
  whileSettling?: () => void;
  /**
   * Begins before it is sure that nobody locks at the same moment; `assertHeld` waits until it is. For work that only
   * reads, or adds what nothing refers to yet: who finds out that another one was first gives up, and nothing is lost.
   */
  startsAtOnce?: boolean;
}

/** Throws `repository-locked`, and `lock-lost` through the signal that `work` is given. */
export async function withLock<T>(
  place: LockPlace,
  mode: 'shared' | 'exclusive',
  { signal, whileSettling, startsAtOnce = false }: LockOptions,
  work: (signal: AbortSignal, assertHeld: AssertHeld) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const exclusive = mode === 'exclusive';
  await assertNoConflict(place, exclusive, undefined);
  const lock = await keepLock(place, exclusive);
  const ended = new AbortController();
  const conflict = new AbortController();
  // Two that wrote at the same moment see each other after this.
  const settled = sleep(settleMs, undefined, { signal: ended.signal }).then(() =>
    assertNoConflict(place, exclusive, lock.name()),
  );
  settled.catch((error: unknown) => conflict.abort(error));
  try {
    whileSettling?.();
    if (!startsAtOnce || exclusive) await settled;
    const stop = AbortSignal.any([...(signal ? [signal] : []), lock.lost, conflict.signal]);
    return await work(stop, async () => {
      await settled;
      await lock.assertHeld();
    });
  } catch (error) {
    throw conflict.signal.aborted ? conflict.signal.reason : error;
  } finally {
    ended.abort();
    await lock.release();
  }
}

interface KeptLock {
  name(): Id;
  /** Aborts with `lock-lost`. */
  lost: AbortSignal;
  assertHeld: AssertHeld;
  release(): Promise<void>;
}

/** Writes a lock and renews it until it is released. */
async function keepLock(place: LockPlace, exclusive: boolean): Promise<KeptLock> {
  const lost = new AbortController();
  let own = await writeLock(place, exclusive);
  let renewedAtMs = Date.now();
  let renewing: Promise<void> | undefined;

  /** A renewal may put another in its place while it is looked for. */
  const isThere = async () => {
    for (let looked = own; ; looked = own) {
      if ((await place.storage.size({ type: 'lock', name: looked })) !== undefined) return true;
      if (looked === own) return false;
    }
  };
  const renew = async () => {
    if (!(await isThere())) return lost.abort(lockLost());
    const before = own;
    own = await writeLock(place, exclusive);
    renewedAtMs = Date.now();
    await place.storage.remove({ type: 'lock', name: before });
  };
  const look = () => {
    const ageMs = Date.now() - renewedAtMs;
    if (ageMs > lostMs) lost.abort(lockLost());
    else if (ageMs >= refreshMs) {
      // One that failed is tried again at the next look, as long as the lock counts.
      renewing ??= renew()
        .catch(() => {})
        .finally(() => (renewing = undefined));
    }
  };
  const timer = setInterval(look, lookMs);
  timer.unref();
  return {
    name: () => own,
    lost: lost.signal,
    async assertHeld() {
      // A process that was suspended comes here before its timer does.
      look();
      if (!lost.signal.aborted && !(await isThere())) lost.abort(lockLost());
      lost.signal.throwIfAborted();
    },
    async release() {
      clearInterval(timer);
      await renewing;
      await place.storage.remove({ type: 'lock', name: own }).catch(() => {});
    },
  };
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
    if (lock.unreadable) throw lockUnreadable(lock.id);
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

/** A lock that goes away between the listing and the reading is none; a damaged one counts as alive and exclusive. */
export async function listLocks({ storage, key }: LockPlace): Promise<LockInfo[]> {
  const locks: LockInfo[] = [];
  for (const { name, sizeBytes } of await storage.list('lock')) {
    try {
      const document = await loadDocument(storage, key, { type: 'lock', name, sizeBytes });
      const lock = lockJson.safeParse(document);
      locks.push(lock.success ? { id: name, ...lock.data, stale: isStale(lock.data) } : unreadable(name));
    } catch (error) {
      if (!(error instanceof RelocateError)) throw error;
      if (error.code === 'repository-damaged') locks.push(unreadable(name));
      else if (error.facts['missing'] !== true) throw error;
    }
  }
  return locks;
}

function unreadable(id: Id): LockInfo {
  const nobody = { time: 'unknown', hostname: 'unknown', username: 'unknown', pid: 0 };
  return { id, ...nobody, exclusive: true, stale: false, unreadable: true };
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

function lockUnreadable(id: Id): RelocateError {
  return new RelocateError(
    'repository-locked',
    `The repository has a lock that is damaged, ${id.slice(0, 8)}: whose it is cannot be told.`,
    {
      facts: { lock: id },
      hint: 'Nothing was changed. When you know that nobody works there: relocate unlock --remove-all',
    },
  );
}
