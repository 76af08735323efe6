import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  displayWidth,
  formatAge,
  formatBytes,
  formatDuration,
  formatItems,
  formatRate,
  formatRough,
  formatTime,
  padEnd,
  padStart,
  sanitise,
  sanitiseLines,
  shortId,
  truncateEnd,
  truncateMiddle,
  wrapWords,
} from '../../src/ui/format.ts';

const anyNumber = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(NaN, Infinity, -Infinity, -0, 1e300));

describe('bytes', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [1.4 * 1024 ** 3, '1.4 GiB'],
    [5 * 1024 ** 5, '5.0 PiB'],
    [-2048, '-2.0 KiB'],
    [NaN, 'unknown'],
    [Infinity, 'unknown'],
  ])('%s is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test('never read as 1024 of a unit, and are right within the digit that is shown', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger().map(Math.abs), (bytes) => {
        const [, number = '', unit = ''] = /^([\d.]+) (\w+)$/.exec(formatBytes(bytes)) ?? [];
        const factor = 1024 ** ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'].indexOf(unit);
        expect(Number(number)).toBeLessThan(1024);
        expect(Math.abs(Number(number) * factor - bytes)).toBeLessThanOrEqual(0.051 * factor);
      }),
    );
  });

  test('a second are a rate', () => {
    expect(formatRate(1536)).toBe('1.5 KiB/s');
    expect(formatRate(NaN)).toBe('unknown');
  });
});

describe('durations', () => {
  test.each([
    [0, '0 ms'],
    [850, '850 ms'],
    [999.6, '1.0 s'],
    [1200, '1.2 s'],
    [9949, '9.9 s'],
    [9950, '10 s'],
    [59_499, '59 s'],
    [59_500, '1 min'],
    [123_000, '2 min 03 s'],
    [3_599_600, '1 h'],
    [3_900_000, '1 h 05 min'],
    [47.99 * 3_600_000, '47 h 59 min'],
    [48 * 3_600_000, '2 d'],
    [76 * 3_600_000, '3 d 04 h'],
    [-5, '0 ms'],
    [NaN, 'unknown'],
  ])('%s ms are %s', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });

  test('a longer one never reads as a shorter one', () => {
    const unitsMs: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };
    const read = (text: string) =>
      [...text.matchAll(/([\d.]+) (\w+)/g)].reduce(
        (sum, [, n, unit]) => sum + Number(n) * unitsMs[unit!]!,
        0,
      );
    fc.assert(
      fc.property(fc.nat(1e10), fc.nat(1e10), (one, other) => {
        const [shorter, longer] = one < other ? [one, other] : [other, one];
        expect(read(formatDuration(shorter))).toBeLessThanOrEqual(read(formatDuration(longer)));
        expect(Math.abs(read(formatDuration(one)) - one)).toBeLessThanOrEqual(Math.max(51, one * 0.021));
      }),
    );
  });

  test.each([
    [1400, 'just now'],
    [-1400, 'just now'],
    [3 * 3_600_000, '3 h ago'],
    [59.7 * 60_000, '1 h ago'],
    [-300_000, 'in 5 min'],
    [72 * 3_600_000, '3 days ago'],
    [NaN, 'unknown ago'],
  ])('an age of %s ms is %s', (ageMs, text) => {
    expect(formatAge(ageMs)).toBe(text);
  });
});

test('no number makes NaN, Infinity or an exponent appear', () => {
  fc.assert(
    fc.property(anyNumber, (number) => {
      for (const text of [
        formatDuration(number),
        formatRough(number),
        formatAge(number),
        formatRate(number),
      ]) {
        expect(text).not.toMatch(/NaN|Infinity|undefined/);
      }
    }),
  );
});

test('counts and their words agree', () => {
  expect([0, 1, 2, 48_211].map((count) => formatItems(count, 'file'))).toEqual([
    '0 files',
    '1 file',
    '2 files',
    '48,211 files',
  ]);
  expect(formatItems(2, 'entry', 'entries')).toBe('2 entries');
});

test('a moment is told in UTC, and what is none as it is, made harmless', () => {
  expect(formatTime('2026-01-31T13:00:00.123456789+01:00')).toBe('2026-01-31 12:00:00 UTC');
  expect(formatTime('\u001b[31mnever')).toBe('\\x1b[31mnever');
  expect(shortId('\u001b[31m4bf5a3c1')).not.toContain('\u001b');
});

describe('names that others chose', () => {
  // oxlint-disable-next-line no-control-regex -- these are what must not be there.
  const unfit = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

  test('become one line without control characters, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const clean = sanitise(name);
        expect(clean).not.toMatch(unfit);
        expect(clean.isWellFormed()).toBe(true);
        expect(sanitise(clean)).toBe(clean);
      }),
    );
  });

  test('stay as they are where they do no harm', () => {
    for (const name of ['Zoë', '漢字', '👩‍👩‍👧', 'a b', 'x&y <z>', 'ñ']) expect(sanitise(name)).toBe(name);
  });

  test('show what they hid', () => {
    expect(sanitise('a\nb\tc\u001b[0m\u202e')).toBe('a\\nb\\tc\\x1b[0m\\u202e');
    expect(sanitiseLines('one\r\ntwo\u0007\n\n')).toEqual(['one', 'two\\x07']);
  });
});

describe('columns', () => {
  const name = fc.string({ unit: 'grapheme', maxLength: 60 }).map(sanitise);
  const width = fc.nat(40);

  test.each([
    ['abc', 3],
    ['漢字', 4],
    ['🎉', 2],
    ['👩‍👩‍👧', 2],
    ['e\u0301', 1],
    ['', 0],
  ])('%s takes %s', (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });

  test('a shortened text is never wider than allowed, and a text that fits is left alone', () => {
    fc.assert(
      fc.property(name, width, (text, columns) => {
        for (const shorten of [truncateEnd, truncateMiddle]) {
          const short = shorten(text, columns);
          expect(displayWidth(short)).toBeLessThanOrEqual(Math.max(columns, 0));
          if (displayWidth(text) <= columns) expect(short).toBe(text);
        }
      }),
    );
  });

  test('the middle of a path is cut, not its name', () => {
    expect(truncateMiddle('backups/2026/january/dump.sql', 20)).toBe('backups/2…y/dump.sql');
    expect(truncateEnd('backups/2026/january/dump.sql', 10)).toBe('backups/2…');
  });

  test('padding fills to the column and never cuts', () => {
    fc.assert(
      fc.property(name, width, (text, columns) => {
        const wanted = Math.max(columns, displayWidth(text));
        expect(displayWidth(padEnd(text, columns))).toBe(wanted);
        expect(displayWidth(padStart(text, columns))).toBe(wanted);
      }),
    );
  });

  test('wrapping loses no word, and only a word longer than the line sticks out', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }).map((all) => all.join(' '));
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 40 }), (text, columns) => {
        const lines = wrapWords(text, columns);
        expect(lines.join(' ')).toBe(text);
        for (const line of lines)
          if (line.includes(' ')) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
      }),
    );
  });
});
