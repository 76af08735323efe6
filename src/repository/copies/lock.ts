import { setTimeout as sleep } from 'node:timers/promises';
import type { Crew } from './crew.ts';
import type { Member } from './member.ts';

/** What a copy that was given up has to let go of its lock. */
const graceMs = 2_000;

/**
 * Runs `work` while every copy is locked. One that cannot be locked, or not any more, is given up; its lock is taken
 * away at once, the others' when the work has ended. Throws where none can be locked.
 */
export async function withAllLocked<T>(
  crew: Crew,
  mode: 'shared' | 'exclusive',
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const holding: { member: Member; released: Promise<void> }[] = [];
  const lock = async (member: Member) => {
    const locked = Promise.withResolvers<void>();
    const held = member.repository?.withLock(mode, { signal }, async (lost) => {
      locked.resolve();
      lost.addEventListener('abort', () => fail(lost.reason), { once: true });
      await untilAborted(AbortSignal.any([ended.signal, member.gone]));
    });
    const fail = (error: unknown) => {
      if (signal?.aborted !== true && !ended.signal.aborted) crew.giveUp(member, error);
    };
    if (held === undefined) return;
    const released = held.catch((error: unknown) => locked.reject(error));
    holding.push({ member, released });
    try {
      await locked.promise;
    } catch (error) {
      signal?.throwIfAborted();
      crew.giveUp(member, error);
    }
  };
  try {
    const locking = await Promise.allSettled(crew.living.map(lock));
    for (const one of locking) if (one.status === 'rejected') throw one.reason;
    crew.assertSome();
    return await work();
  } finally {
    ended.abort();
    await Promise.all(
      holding.map(({ member, released }) =>
        // Nobody waits for a storage that may never answer.
        member.isLiving ? released : Promise.race([released, sleep(graceMs, undefined, { ref: false })]),
      ),
    );
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
