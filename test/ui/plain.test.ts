import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { createPlain } from '../../src/ui/plain.ts';
import { createQuiet } from '../../src/ui/quiet.ts';
import { screen } from './support/screen.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function plain(options: { verbose?: boolean } = {}) {
  const shown = screen({ ...options, now: Date.now });
  return { ...shown, renderer: createPlain(shown.context) };
}

describe('lines for logs', () => {
  test('come every five seconds, however many events there are', () => {
    const { renderer, lines } = plain();
    renderer.event({ type: 'phase-start', phase: 'store', title: 'storing' });
    for (let n = 1; n <= 19_000; n += 1) {
      renderer.event({ type: 'progress', phase: 'store', doneBytes: n * 1024, totalBytes: 20_480_000 });
      jest.advanceTimersByTime(1);
    }
    renderer.event({
      type: 'phase-end',
      phase: 'store',
      durationMs: 20_000,
      outcome: 'done',
      detail: '3 MiB',
    });
    const [first, ...rest] = lines();
    expect(first).toBe('store: storing');
    expect(rest.pop()).toBe('store: done in 20 s, 3 MiB');
    expect(rest).toHaveLength(3);
    for (const line of rest) {
      expect(line).toMatch(/^store: \d+\.\d MiB of 19\.5 MiB, [\d.]+ KiB\/s, \d+ s left$/);
    }
  });

  test('tell that a phase which counts nothing is still at work', () => {
    const { renderer, lines } = plain();
    renderer.event({ type: 'phase-start', phase: 'provision', title: 'bringing up local' });
    jest.advanceTimersByTime(11_000);
    expect(lines()).toEqual([
      'provision: bringing up local',
      'provision: still working, 5.0 s so far',
      'provision: still working, 10 s so far',
    ]);
  });

  test('name each source at work', () => {
    const { renderer, lines } = plain();
    renderer.event({ type: 'progress', phase: 'restore', item: 'db', doneBytes: 10, totalBytes: 1024 });
    renderer.event({ type: 'progress', phase: 'restore', item: 'uploads', doneBytes: 20 });
    jest.advanceTimersByTime(5000);
    expect(lines().map((line) => line.replace(/,.*/, ''))).toEqual([
      'restore: db 10 B of 1.0 KiB',
      'restore: uploads 20 B',
    ]);
  });

  test('end with the last phase, and after stop nothing is written', () => {
    const { renderer, lines } = plain();
    renderer.event({ type: 'phase-start', phase: 'a', title: 'a' });
    renderer.event({ type: 'phase-end', phase: 'a', durationMs: 1, outcome: 'skipped' });
    jest.advanceTimersByTime(60_000);
    expect(lines()).toEqual(['a: a', 'a: skipped']);
    renderer.event({ type: 'phase-start', phase: 'b', title: 'b' });
    renderer.stop();
    renderer.event({ type: 'note', message: 'too late' });
    jest.advanceTimersByTime(60_000);
    expect(lines()).toHaveLength(3);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('hold warnings and notes, details with -v only, and no control characters', () => {
    for (const verbose of [false, true]) {
      const { renderer, err } = plain({ verbose });
      renderer.event({ type: 'warning', code: 'w', message: 'vanished', item: '\u001b[2Ja\nb' });
      renderer.event({ type: 'note', message: 'serving on \u202ehttp' });
      renderer.event({ type: 'detail', message: 'small\u0007 print' });
      expect(err()).toContain('warning: \\x1b[2Ja\\nb: vanished\n');
      expect(err()).toContain('serving on \\u202ehttp\n');
      expect(err().includes('small\\x07 print')).toBe(verbose);
    }
  });
});

test('quiet says nothing but errors', () => {
  const { context, err, out } = screen();
  const renderer = createQuiet(context);
  renderer.event({ type: 'phase-start', phase: 'a', title: 'a' });
  renderer.event({ type: 'warning', code: 'w', message: 'careful' });
  renderer.event({ type: 'note', message: 'n' });
  renderer.result({});
  expect(err() + out()).toBe('');
  renderer.error(new RelocateError('disk-full', 'No room is left.'));
  renderer.stop();
  expect(err()).toContain('No room is left.');
  expect(out()).toBe('');
});
