import { describe, expect, test } from '@jest/globals';
import { rateOption } from '../../src/cli/options.ts';

describe('a rate', () => {
  test.each([
    ['500', 512_000],
    ['0.5', 512],
    ['500K', 512_000],
    ['10M', 10_485_760],
    ['1.5MiB', 1_572_864],
    ['1G', 1_073_741_824],
  ])('“%s” is %d bytes a second', (text, bytes) => {
    expect(rateOption(text)).toBe(bytes);
  });

  test.each(['', '0', '-1', 'fast', '10X', '10MB', '1e9', 'Infinity', '0.0001'])('“%s” is none', (text) => {
    expect(() => rateOption(text)).toThrow(/KiB a second/);
  });
});
