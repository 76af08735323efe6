import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDurationMs, parseSizeBytes } from '../../src/app/units.ts';

describe('durations and sizes', () => {
  test.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1.5h', 5_400_000],
    ['250ms', 250],
    ['1d2h3m4s5ms', 93_784_005],
    ['0s', 0],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test.each(['', '5', 's', '1 h', '1h 30m', '30m1h', '1h1h', '-1h', '1H', '1e3s', '.5h', '1.5ms'])(
    '%j is no duration',
    (text) => {
      expect(parseDurationMs(text)).toBeUndefined();
    },
  );

  test('any sum of whole units is what it says', () => {
    const amount = fc.nat(1000);
    fc.assert(
      fc.property(amount, amount, amount, amount, amount, (d, h, m, s, ms) => {
        const total = (((d * 24 + h) * 60 + m) * 60 + s) * 1000 + ms;
        expect(parseDurationMs(`${d}d${h}h${m}m${s}s${ms}ms`)).toBe(total);
      }),
    );
  });

  test.each([
    ['0B', 0],
    ['512KiB', 524_288],
    ['10 MiB', 10_485_760],
    ['1.5GiB', 1_610_612_736],
    ['1kB', 1_000],
    ['2GB', 2_000_000_000],
    ['1TiB', 1_099_511_627_776],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  test.each(['', '10', 'MiB', '10M', '10 mib', '-1B', '1e3B', '1  B', '1kiB', '1constructor'])(
    '%j is no size',
    (text) => {
      expect(parseSizeBytes(text)).toBeUndefined();
    },
  );
});
