import { describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import type { Event } from '../../src/events.ts';
import { retrying, type RetryClock } from '../../src/storage/retry.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { errorOf } from '../contract/storage.ts';

const away = () => new RelocateError('storage-failed', 'It is away.', { retryable: true });
const denied = () => new RelocateError('storage-failed', 'It is denied.');

/** Time that passes only while somebody sleeps. */
function fakeClock(random = 1): RetryClock & { slept: number[] } {
  let nowMs = 0;
  const slept: number[] = [];
  return {
    slept,
    nowMs: () => nowMs,
    random: () => random,
    async sleep(delayMs, signal) {
      signal?.throwIfAborted();
      slept.push(delayMs);
      nowMs += delayMs;
    },
  };
}

/** Answers `size` as the outcomes say, one after the other, and the last one for ever; all else is not asked. */
function scripted(outcomes: (number | (() => Error))[]): { storage: Storage; asked: () => number } {
  let asked = 0;
  const size = async () => {
    const outcome = outcomes[Math.min(asked, outcomes.length - 1)];
    asked += 1;
    if (typeof outcome === 'function') throw outcome();
    return outcome;
  };
  return {
    storage: { url: 'test:place', size, close: async () => {} } as unknown as Storage,
    asked: () => asked,
  };
}

const file = { type: 'config', name: '' } as const;

describe('a storage in trouble', () => {
  test('is asked again until it answers, at growing distances, and the person hears of it once', async () => {
    const clock = fakeClock();
    const events: Event[] = [];
    const { storage } = scripted([away, away, away, 42]);
    const size = await retrying(storage, { clock, emit: (event) => events.push(event) }).size(file);
    expect(size).toBe(42);
    expect(clock.slept).toEqual([1_000, 2_000, 4_000]);
    expect(events.filter(({ type }) => type === 'warning')).toEqual([
      {
        type: 'warning',
        code: 'storage-troubled',
        message: expect.stringContaining('It is away. Trying again'),
      },
    ]);
    expect(events.at(-1)).toEqual({ type: 'note', message: 'test:place answers again, after 7 s.' });
  });

  test('that has answered before is given 15 minutes, and the error says how often it was tried', async () => {
    const clock = fakeClock();
    const { storage, asked } = scripted([1, away]);
    const patient = retrying(storage, { clock });
    await patient.size(file);
    const error = await errorOf(patient.size(file));
    expect(error).toMatchObject({
      code: 'storage-failed',
      retryable: false,
      facts: { attempts: asked() - 1 },
    });
    expect(error.hint).toContain('sound');
    const totalMs = clock.slept.reduce((sum, one) => sum + one, 0);
    expect(totalMs).toBeGreaterThan(13 * 60_000);
    expect(totalMs).toBeLessThanOrEqual(15 * 60_000);
    expect(Math.max(...clock.slept)).toBe(60_000);
  });

  test('that never answered is given up after two minutes: the address may be wrong', async () => {
    const clock = fakeClock();
    await errorOf(retrying(scripted([away]).storage, { clock }).size(file));
    const totalMs = clock.slept.reduce((sum, one) => sum + one, 0);
    expect(totalMs).toBeGreaterThan(30_000);
    expect(totalMs).toBeLessThanOrEqual(120_000);
  });

  test('that is busy for a minute is waited out, whatever is asked of it', async () => {
    const clock = fakeClock(0.5);
    const busyUntilMs = 60_000;
    const busy = async () => {
      if (clock.nowMs() < busyUntilMs) throw away();
      return Buffer.from('there');
    };
    const inner = {
      url: 'test:place',
      load: busy,
      save: busy,
      remove: busy,
      list: busy,
    } as unknown as Storage;
    const patient = retrying(inner, { clock });
    expect((await patient.load(file)).toString()).toBe('there');
    expect(clock.nowMs()).toBeGreaterThanOrEqual(busyUntilMs);
    expect(clock.nowMs()).toBeLessThan(3 * busyUntilMs);
  });

  test('is not asked again where that cannot help', async () => {
    const clock = fakeClock();
    const { storage, asked } = scripted([denied]);
    expect((await errorOf(retrying(storage, { clock }).size(file))).message).toBe('It is denied.');
    expect([asked(), clock.slept]).toEqual([1, []]);
  });

  test('is left alone for random times, so that many do not come back at once', async () => {
    const slept = async (random: number) => {
      const clock = fakeClock(random);
      await retrying(scripted([away, away, 1]).storage, { clock }).size(file);
      return clock.slept;
    };
    expect([await slept(0.5), await slept(0.1)]).toEqual([
      [500, 1_000],
      [100, 200],
    ]);
  });

  test('does not hold up an interrupted command: the wait ends with the reason', async () => {
    const controller = new AbortController();
    const { storage } = scripted([away]);
    const waiting = retrying(storage, {
      signal: controller.signal,
      emit: ({ type }) => type === 'detail' && controller.abort(new Error('enough')),
    }).size(file);
    await expect(waiting).rejects.toThrow('enough');
  });

  test('is still asked once after an interruption, so that a lock can be taken away', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));
    expect(await retrying(scripted([7]).storage, { signal: aborted }).size(file)).toBe(7);
    const { storage, asked } = scripted([away]);
    expect((await errorOf(retrying(storage, { signal: aborted }).size(file))).message).toBe('It is away.');
    expect(asked()).toBe(1);
  });
});
