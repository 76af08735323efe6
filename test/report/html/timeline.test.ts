import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { spanOf, ticksOf } from '../../../src/report/html/timeline.ts';
import { at } from '../support/sample-report.ts';

const tenSeconds = { startedAt: at(0), finishedAt: at(10_000) };

describe('a bar', () => {
  test('lies where its time was', () => {
    expect(spanOf({ startedAt: at(2500), durationMs: 5000 }, tenSeconds)).toEqual({ from: 25, width: 50 });
  });

  test('never leaves the axis, whatever the clocks said', () => {
    const moment = fc.oneof(fc.integer({ min: -1e9, max: 1e9 }).map(at), fc.constantFrom('', 'never'));
    const duration = fc.oneof(fc.integer({ min: -1000, max: 1e9 }), fc.constantFrom(NaN, Infinity));
    fc.assert(
      fc.property(moment, duration, moment, moment, (began, durationMs, startedAt, finishedAt) => {
        const { from, width } = spanOf({ startedAt: began, durationMs }, { startedAt, finishedAt });
        expect(from).toBeGreaterThanOrEqual(0);
        expect(width).toBeGreaterThanOrEqual(0);
        expect(from + width).toBeLessThanOrEqual(100.01);
      }),
    );
  });
});

describe('the axis', () => {
  test.each([
    [10_000, [0, 2000, 4000, 6000, 8000, 10_000]],
    [8500, [0, 2000, 4000, 6000, 8000]],
    [3_600_000, [0, 1_200_000, 2_400_000, 3_600_000]],
    [0, [0]],
    [NaN, [0]],
    [-5, [0]],
  ])('of %s ms has round moments', (totalMs, ticks) => {
    expect(ticksOf(totalMs)).toEqual(ticks);
  });

  test('has few enough moments to be read, from milliseconds to years', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), (totalMs) => {
        const ticks = ticksOf(totalMs);
        expect(ticks.length).toBeLessThanOrEqual(6);
        expect(ticks.at(-1)).toBeLessThanOrEqual(totalMs);
      }),
    );
  });
});
