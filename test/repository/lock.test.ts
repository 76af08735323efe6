import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { idOf, randomMasterKey } from '../../src/repository/crypto.ts';
import { saveDocument } from '../../src/repository/document.ts';
import { listLocks, removeLocks, withLock } from '../../src/repository/lock.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { errorOf } from '../contract/storage.ts';
import { faultyStorage, type FaultyStorage } from '../support/faulty-storage.ts';

const minuteMs = 60_000;

describe('locks', () => {
  let folder: string;
  let storage: FaultyStorage;
  let place: Parameters<typeof listLocks>[0];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-locks-'));
    storage = faultyStorage(new LocalStorage(folder));
    place = { storage, key: randomMasterKey(), version: 2 };
  });
  afterEach(async () => {
    jest.useRealTimers();
    storage.setFaults([]);
    for (const { name } of await storage.list('lock')) await storage.remove({ type: 'lock', name });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const names = async () => (await storage.list('lock')).map((file) => file.name);

  /** A lock as another would have left it. */
  const plant = (lock: object) =>
    saveDocument(
      storage,
      place.key,
      'lock',
      {
        time: new Date().toISOString(),
        exclusive: false,
        hostname: 'elsewhere',
        username: 'someone',
        pid: 4711,
        uid: 0,
        gid: 0,
        ...lock,
      },
      2,
    );

  const lockFor = (mode: 'shared' | 'exclusive', work: Parameters<typeof withLock>[3] = async () => 'done') =>
    withLock(place, mode, {}, work);

  async function deadPid(): Promise<number> {
    const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
    await once(child, 'close');
    return child.pid ?? 0;
  }

  test('shared ones go together, and are gone afterwards', async () => {
    const inside = await lockFor('shared', () => lockFor('shared', names));
    expect(inside).toHaveLength(2);
    expect(await names()).toEqual([]);
  });

  test.each([
    ['shared', 'exclusive'],
    ['exclusive', 'shared'],
    ['exclusive', 'exclusive'],
  ] as const)('%s held, %s wanted: refused with who holds it, and nothing is left', async (held, wanted) => {
    const error = await errorOf(lockFor(held, () => lockFor(wanted)));
    expect(error).toMatchObject({ code: 'repository-locked', retryable: true, facts: { pid: process.pid } });
    expect(error.message).toContain(`process ${process.pid}`);
    expect(await names()).toEqual([]);
  });

  test('of two that want all of it at the same moment, at most one gets it', async () => {
    for (let round = 0; round < 3; round += 1) {
      let inside = 0;
      let most = 0;
      const work = async () => {
        inside += 1;
        most = Math.max(most, inside);
        await sleep(50);
        inside -= 1;
      };
      await Promise.allSettled([lockFor('exclusive', work), lockFor('exclusive', work)]);
      expect(most).toBeLessThanOrEqual(1);
      expect(await names()).toEqual([]);
    }
  });

  describe('work that starts at once', () => {
    const early = (work: Parameters<typeof withLock>[3]) =>
      withLock(place, 'shared', { startsAtOnce: true }, work);

    test('hears of one that locked all at the same moment, before anything that counts, and lets go', async () => {
      let began = false;
      const work = early(async (signal, assertHeld) => {
        began = true;
        await plant({ exclusive: true });
        await assertHeld();
        throw new Error(`not to be reached, aborted: ${signal.aborted}`);
      });
      expect(await errorOf(work)).toMatchObject({ code: 'repository-locked', facts: { pid: 4711 } });
      expect(began).toBe(true);
      expect(await names()).toHaveLength(1);
    });

    test('is told to stop by its signal, too', async () => {
      const work = early(async (signal) => {
        await plant({ exclusive: true });
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      });
      expect((await errorOf(work)).code).toBe('repository-locked');
    });

    test('is refused like any other where all is locked already', async () => {
      await plant({ exclusive: true });
      expect((await errorOf(early(async () => 'done'))).code).toBe('repository-locked');
    });

    test('ends as soon as it is done where it only reads', async () => {
      const startedAt = performance.now();
      expect(await early(async () => 'done')).toBe('done');
      expect(performance.now() - startedAt).toBeLessThan(200);
      expect(await names()).toEqual([]);
    });
  });

  test('work that fails lets go of its lock', async () => {
    await expect(lockFor('exclusive', () => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    expect(await names()).toEqual([]);
  });

  test('stale ones, of a dead process here or older than 30 minutes, are in nobody’s way and stay until unlock', async () => {
    const dead = await plant({ hostname: hostname(), pid: await deadPid(), exclusive: true });
    const old = await plant({ time: new Date(Date.now() - 31 * minuteMs).toISOString(), exclusive: true });
    const alive = await plant({ hostname: hostname(), pid: process.pid });
    const elsewhere = await plant({ time: new Date(Date.now() - 29 * minuteMs).toISOString() });
    expect(await lockFor('shared')).toBe('done');
    expect((await names()).toSorted()).toEqual([dead, old, alive, elsewhere].toSorted());
    expect((await errorOf(lockFor('exclusive'))).code).toBe('repository-locked');
    const removed = await removeLocks(place, false);
    expect(removed.map((lock) => lock.id).toSorted()).toEqual([dead, old].toSorted());
    expect((await names()).toSorted()).toEqual([alive, elsewhere].toSorted());
    expect(await removeLocks(place, true)).toHaveLength(2);
    expect(await names()).toEqual([]);
  });

  test.each<[string, Buffer]>([
    ['empty', Buffer.alloc(0)],
    ['garbage', Buffer.from('not a lock')],
  ])(
    'a lock file that is %s counts as alive, is named, and goes with unlock --remove-all',
    async (_, bytes) => {
      const name = idOf(bytes);
      await storage.save({ type: 'lock', name }, [bytes]);
      const error = await errorOf(lockFor('shared'));
      expect(error).toMatchObject({ code: 'repository-locked', facts: { lock: name } });
      expect(error.hint).toContain('unlock --remove-all');
      expect(await removeLocks(place, false)).toEqual([]);
      expect(await removeLocks(place, true)).toMatchObject([{ id: name, unreadable: true }]);
      expect(await lockFor('shared')).toBe('done');
    },
  );

  test('a lock that cannot be fetched stops the work: it may be anybody’s', async () => {
    await plant({});
    storage.setFaults([{ call: 'load', type: 'lock', how: 'fail' }]);
    expect((await errorOf(lockFor('shared'))).code).toBe('storage-failed');
  });

  describe('in a long run', () => {
    /** Time is the test's; what the storage does still takes real time. */
    function freeze(): void {
      jest.useFakeTimers({
        now: Date.now(),
        doNotFake: ['setTimeout', 'setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'hrtime'],
      });
    }

    async function until(condition: () => Promise<boolean>): Promise<void> {
      for (let round = 0; round < 500 && !(await condition()); round += 1) await sleep(5);
      expect(await condition()).toBe(true);
    }

    test('is renewed: a new file before the old one goes', async () => {
      freeze();
      await lockFor('shared', async (signal) => {
        const [first] = await names();
        storage.setFaults([]);
        const before = storage.calls.length;
        jest.advanceTimersByTime(5 * minuteMs);
        await until(async () => (await names()).length === 1 && (await names())[0] !== first);
        const changes = storage.calls.slice(before).filter((call) => /save|remove/.test(call));
        expect(changes).toEqual(['save lock', 'remove lock']);
        const [lock] = await listLocks(place);
        expect(Date.parse(lock?.time ?? '')).toBe(Date.now());
        expect(signal.aborted).toBe(false);
      });
      expect(await names()).toEqual([]);
    });

    test('a renewal that fails is tried again, and the work goes on meanwhile', async () => {
      freeze();
      await lockFor('shared', async (signal, assertHeld) => {
        const [first] = await names();
        storage.setFaults([{ call: 'save', type: 'lock', how: 'fail', times: 3 }]);
        for (let minute = 0; minute < 12; minute += 1) {
          jest.advanceTimersByTime(minuteMs);
          await sleep(10);
        }
        expect(signal.aborted).toBe(false);
        await assertHeld();
        await until(async () => (await names()).length === 1 && (await names())[0] !== first);
      });
    });

    test('one that could not be renewed for 22.5 minutes is lost: the work is told', async () => {
      freeze();
      const error = await errorOf(
        lockFor('shared', async (signal) => {
          storage.setFaults([{ call: 'save', type: 'lock', how: 'fail' }]);
          jest.advanceTimersByTime(22 * minuteMs);
          await sleep(20);
          expect(signal.aborted).toBe(false);
          jest.advanceTimersByTime(2 * minuteMs);
          signal.throwIfAborted();
        }),
      );
      expect(error).toMatchObject({ code: 'lock-lost', retryable: true });
      expect(await names()).toEqual([]);
    });

    test('one that somebody removed is noticed at the next renewal', async () => {
      freeze();
      const error = await errorOf(
        lockFor('shared', async (signal) => {
          for (const name of await names()) await storage.remove({ type: 'lock', name });
          jest.advanceTimersByTime(5 * minuteMs);
          await until(async () => signal.aborted);
          signal.throwIfAborted();
        }),
      );
      expect(error.code).toBe('lock-lost');
      expect(await names()).toEqual([]);
    });

    test('one that somebody removed is noticed at once by who asks', async () => {
      const error = await errorOf(
        lockFor('shared', async (_, assertHeld) => {
          await assertHeld();
          for (const name of await names()) await storage.remove({ type: 'lock', name });
          await assertHeld();
        }),
      );
      expect(error.code).toBe('lock-lost');
    });

    test('a process that slept for an hour is told before its next step, timers or not', async () => {
      jest.useFakeTimers({
        now: Date.now(),
        doNotFake: [
          'setTimeout',
          'setImmediate',
          'nextTick',
          'queueMicrotask',
          'setInterval',
          'clearInterval',
        ],
      });
      const error = await errorOf(
        lockFor('shared', async (_, assertHeld) => {
          jest.setSystemTime(Date.now() + 60 * minuteMs);
          await assertHeld();
        }),
      );
      expect(error.code).toBe('lock-lost');
    });
  });
});
