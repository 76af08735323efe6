import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { forSource, type Event, type Progress } from '../../src/events.ts';
import { createTracker, describeCounts } from '../../src/ui/progress.ts';

function tracking() {
  let nowMs = 0;
  const tracker = createTracker(() => nowMs);
  tracker.start('store', 'storing');
  return {
    tracker,
    pass: (ms: number) => (nowMs += ms),
    progress: (event: Omit<Progress, 'type' | 'phase'>) =>
      tracker.progress({ type: 'progress', phase: 'store', ...event }),
    said: () => describeCounts(tracker.running()[0]!.counts!),
  };
}

describe('a rate', () => {
  test('is not told before it was watched for a while', () => {
    const { progress, pass, said } = tracking();
    progress({ doneBytes: 0, totalBytes: 100_000 });
    pass(1000);
    progress({ doneBytes: 10_000, totalBytes: 100_000 });
    expect(said()).toBe('9.8 KiB of 97.7 KiB');
  });

  test('settles at what is really done, and tells the time left by it', () => {
    const { progress, pass, said } = tracking();
    for (let second = 0; second <= 60; second += 1) {
      pass(1000);
      progress({ doneBytes: second * 1_048_576, totalBytes: 100 * 1_048_576 });
    }
    expect(said()).toMatch(/^60\.0 MiB of 100\.0 MiB, 1\.0 MiB\/s, 40 s left$/);
  });

  test('of a stalled transfer sinks, and no time left is made up for it', () => {
    const { progress, pass, said, tracker } = tracking();
    for (const doneBytes of [0, 1000, 2000, 3000]) {
      progress({ doneBytes, totalBytes: 1e12 });
      pass(1000);
    }
    for (let second = 0; second < 600; second += 1) {
      pass(1000);
      tracker.running();
    }
    expect(said()).toBe('2.9 KiB of 931.3 GiB, 0 B/s');
  });

  test('begins anew when counts go back, and is never below nothing', () => {
    const { progress, pass, tracker } = tracking();
    progress({ doneBytes: 1_000_000 });
    pass(2000);
    progress({ doneBytes: 10 });
    pass(2000);
    progress({ doneBytes: 20 });
    expect(tracker.running()[0]!.counts!.bytesPerSecond).toBeGreaterThanOrEqual(0);
  });
});

test.each<[Omit<Progress, 'type' | 'phase'>, string]>([
  [{ doneBytes: 0 }, '0 B'],
  [{ doneBytes: 0, totalBytes: 0 }, '0 B of 0 B'],
  [{ doneItems: 3 }, '3'],
  [{ doneItems: 3, totalItems: 10 }, '3 of 10'],
  [{ doneBytes: 1024, doneItems: 3 }, '1.0 KiB'],
  [{ doneBytes: 1024, doneItems: 3, totalItems: 9 }, '1.0 KiB, 3 of 9'],
])('%#: what is not known is left out', (event, words) => {
  const { progress, said } = tracking();
  progress(event);
  expect(said()).toBe(words);
});

test('no sequence of counts and clocks makes NaN or Infinity appear', () => {
  const count = fc.option(fc.oneof(fc.nat(), fc.constant(0), fc.constant(2 ** 52)), { nil: undefined });
  const event = fc.record({
    doneBytes: count,
    totalBytes: count,
    doneItems: count,
    totalItems: count,
    passMs: fc.nat(9000),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), fc.boolean(), (events, named) => {
      const { progress, pass, tracker } = tracking();
      for (const { passMs, ...counts } of events) {
        const known = Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined));
        progress({ ...known, ...(named ? { item: 'db' } : {}) });
        pass(passMs);
        const [phase] = tracker.running();
        const all = [...(phase!.counts ? [phase!.counts] : []), ...phase!.items.map(({ counts }) => counts)];
        for (const one of all) expect(describeCounts(one)).not.toMatch(/NaN|Infinity|undefined|-/);
      }
    }),
  );
});

describe('sources at work in one phase', () => {
  test('stand side by side, and leave when they are done', () => {
    const { progress, tracker } = tracking();
    progress({ item: 'db', doneBytes: 1, totalBytes: 10 });
    progress({ item: 'uploads', doneBytes: 2, totalBytes: 20 });
    expect(tracker.running()[0]!.items.map(({ name }) => name)).toEqual(['db', 'uploads']);
    progress({ item: 'db', doneBytes: 10, totalBytes: 10 });
    expect(tracker.running()[0]!.items.map(({ name }) => name)).toEqual(['uploads']);
  });

  test('count for themselves, beside what the phase counts for its files', () => {
    const { progress, tracker } = tracking();
    for (let n = 1; n <= 5000; n += 1) progress({ file: `file-${n}`, doneBytes: n });
    progress({ item: 'db', file: 'public.entry', doneBytes: 7 });
    expect(tracker.running()[0]).toMatchObject({
      label: 'file-5000',
      counts: { doneBytes: 5000 },
      items: [{ name: 'db', label: 'public.entry', counts: { doneBytes: 7 } }],
    });
  });
});

test('a source’s progress tells its name, and nothing else of what it says is touched', () => {
  const said: Event[] = [];
  const emit = forSource((event) => void said.push(event), 'uploads');
  emit({ type: 'progress', phase: 'restore', file: 'a.png', doneBytes: 1 });
  emit({ type: 'warning', code: 'w', message: 'm', item: 'a.png' });
  expect(said).toEqual([
    { type: 'progress', phase: 'restore', item: 'uploads', file: 'a.png', doneBytes: 1 },
    { type: 'warning', code: 'w', message: 'm', item: 'a.png' },
  ]);
});

test('progress of a phase that nobody announced is shown, and its end forgets it', () => {
  const { tracker } = tracking();
  tracker.progress({ type: 'progress', phase: 'upload', doneBytes: 1 });
  expect(tracker.running().map(({ title }) => title)).toEqual(['storing', 'upload']);
  expect(tracker.end('upload')).toBe('upload');
  expect(tracker.end('never begun')).toBe('never begun');
  expect(tracker.running()).toHaveLength(1);
});
