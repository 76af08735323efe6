import { describe, expect, test } from '@jest/globals';
import { barChart, lineCharts } from '../../bench/plot.ts';
import type { Run } from '../../bench/rounds.ts';
import { median, spread } from '../../bench/statistics.ts';
import { summarise } from '../../bench/summary.ts';
import { groupsTable } from '../../bench/tables.ts';

const run = (peer: Run['peer'], round: number, wallMs: number): Run => ({
  set: 'text',
  title: 'SQL-like text, one file',
  sizeBytes: 1e9,
  place: 'local',
  round,
  peer,
  phase: 'first',
  wallMs,
  cpuMs: 2 * wallMs,
  systemMs: wallMs / 2,
  peakBytes: (100 + round) * 1024 ** 2,
  repositoryBytes: 3e8,
});

/** A machine that is three times as slow in one of three rounds. */
const runs = [
  run('relocate', 0, 5000),
  run('restic', 0, 10_000),
  run('restic', 1, 30_000),
  run('relocate', 1, 15_000),
  run('relocate', 2, 5000),
  run('restic', 2, 11_000),
];

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 2])).toBe(2);
  expect(spread([2.25, 1.5, 3], 1)).toBe('1.5–3.0');
});

describe('the summary', () => {
  const [group] = summarise(runs);

  test('compares within a round: a slow hour of the machine changes no ratio', () => {
    expect(group?.rows.map(({ peer, ratio }) => [peer, ratio])).toEqual([
      ['relocate', 1],
      ['restic', 2],
    ]);
  });

  test('tells the highest peak of memory, not the usual one', () => {
    expect(group?.rows[0]?.peakMib).toBe(102);
  });

  test('is a table and a drawing', () => {
    const groups = group === undefined ? [] : [group];
    expect(groupsTable(groups)).toContain(
      '| text, first snapshot | relocate | 5.00 (5.00–15.00) | 1.00 × | 10.0 (2.5) | 102 | 300 |',
    );
    const svg = barChart('A title with <signs>', groups);
    expect(svg).toContain('A title with &lt;signs&gt;');
    expect(svg).not.toContain('NaN');
    expect(svg.match(/<rect /g)).toHaveLength(3);
  });
});

test('growth is drawn to scale', () => {
  const svg = lineCharts('Growth', 'GiB', [
    {
      title: 'seconds',
      series: [
        {
          peer: 'relocate',
          points: [
            [1, 10],
            [2, 20],
          ],
        },
      ],
    },
  ]);
  const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
    Number(x),
    Number(y),
  ]);
  const [[x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = circles;
  expect(x2 - 56).toBeCloseTo(2 * (x1 - 56), 1);
  expect(284 - y2).toBeCloseTo(2 * (284 - y1), 1);
});
