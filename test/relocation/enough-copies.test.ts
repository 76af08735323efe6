import { describe, expect, test } from '@jest/globals';
import { assertPossible, judgeCopies } from '../../src/relocation/enough-copies.ts';
import type { CopyOutcome } from '../../src/relocation/types.ts';

const copy = (provider: string, isThere = true): CopyOutcome => ({
  url: `file:/${provider}`,
  provider,
  lacking: 0,
  ...(isThere ? { snapshot: 'ab'.repeat(32) } : {}),
});
const least = (copies: number, providers: number) => ({ copies, providers });

describe('a snapshot counts', () => {
  test.each([
    ['in all that are listed', [copy('a'), copy('b')], least(1, 1), 'everywhere'],
    ['in all, as required', [copy('a'), copy('b')], least(2, 2), 'everywhere'],
    ['in one of two, one being enough', [copy('a'), copy('b', false)], least(1, 1), 'enough'],
    ['in one of two, both being required', [copy('a'), copy('b', false)], least(2, 1), 'too few'],
    [
      'in two places of one owner, two owners being required',
      [copy('a'), copy('a'), copy('b', false)],
      least(1, 2),
      'too few',
    ],
    [
      'at two owners, though not in all places',
      [copy('a'), copy('a', false), copy('b')],
      least(2, 2),
      'enough',
    ],
    ['in none', [copy('a', false), copy('b', false)], least(1, 1), 'too few'],
  ] as const)('%s: %j', (_name, copies, required, verdict) => {
    expect(judgeCopies(copies, required)).toBe(verdict);
  });
});

describe('what no run could ever reach is refused', () => {
  const places = [
    { url: 'file:/a', provider: 'this machine' },
    { url: 's3:https://s3.example.com/b', provider: 'example.com' },
  ];

  test.each([
    [least(3, 1), /3 copies are required, and there are 2 repositories/],
    [least(1, 3), /3 providers are required, and there are 2 providers: this machine, example\.com/],
  ])('%j', (required, message) => {
    expect(() => assertPossible(places, required)).toThrow(message);
  });

  test('and nothing else', () => {
    expect(() => assertPossible(places, least(2, 2))).not.toThrow();
  });
});
