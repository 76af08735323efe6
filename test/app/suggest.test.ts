import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { editDistance, nearest } from '../../src/app/suggest.ts';

describe('a mistyped word', () => {
  test.each([
    ['servces', 'services'],
    ['Check', 'checks'],
    ['dtaa', 'data'],
    ['ap', 'app'],
  ])('%s stands for %s', (word, meant) => {
    expect(nearest(word, ['app', 'services', 'data', 'checks'])).toBe(meant);
  });

  test.each(['bucket', '', 'xx', 'x'.repeat(100_000)])('%.20j stands for none of them', (word) => {
    expect(nearest(word, ['app', 'services', 'data', 'checks'])).toBeUndefined();
  });

  test('is as far from a word as that is from it, and no farther than both are long', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance === 0).toBe(a === b);
      }),
    );
  });
});
