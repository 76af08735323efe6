import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readDotenv } from '../../src/app/dotenv.ts';
import type { Problem } from '../../src/app/problems.ts';

function read(text: string, outer: Record<string, string> = {}): Record<string, string> {
  const problems: Problem[] = [];
  const values = readDotenv(text, (name) => outer[name], problems);
  expect(problems).toEqual([]);
  return values;
}

describe('an env file', () => {
  test.each<[string, Record<string, string>]>([
    ['A=1', { A: '1' }],
    ['  export A = 1  ', { A: '1' }],
    ['export=1', { export: '1' }],
    ['A: 1', { A: '1' }],
    ['A=', { A: '' }],
    ['A=b#c # d', { A: 'b#c' }],
    ['A=# d', { A: '' }],
    ['# A=1\n\n \t\nB=2', { B: '2' }],
    ['A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ["A='$B \\n # x'", { A: '$B \\n # x' }],
    ['A="a\\tb\\n\\"c\\" \\\\ \\$B \\x"', { A: 'a\tb\n"c" \\ $B \\x' }],
    ['A="one\ntwo" # after\nB=3', { A: 'one\ntwo', B: '3' }],
    ['A=1\nB=$A-${A}-${C:-d}', { A: '1', B: '1-1-d' }],
    ['A=$UNSET', { A: '' }],
    ['A=pa$$word$', { A: 'pa$word$' }],
    ['A=${broken', { A: '${broken' }],
    ['A=1\nA=2', { A: '2' }],
    ['__proto__=1', Object.fromEntries([['__proto__', '1']])],
  ])('%j is read as Compose reads it', (text, values) => {
    expect(read(text)).toEqual(values);
  });

  test('takes from outside what it only names, and lets the outside come first in variables', () => {
    expect(read('A\nB # why\nNONE\n', { A: '1', B: '2' })).toEqual({ A: '1', B: '2' });
    expect(read('A=file\nB=$A\n', { A: 'outside' })).toEqual({ A: 'file', B: 'outside' });
  });

  test.each([
    ['1A=x', 'must read NAME=value', 0],
    ['A=1\nB C\n', 'must read NAME=value', 4],
    ['A=1\nB:secret', 'must read NAME=value', 4],
    ['A=1\nB="secret', 'the quote of B is not closed', 4],
    ["A='secret", 'the quote of A is not closed', 0],
  ])('%j is refused where it is wrong, without its value', (text, message, start) => {
    const problems: Problem[] = [];
    readDotenv(text, () => undefined, problems);
    expect(problems).toMatchObject([{ message, start }]);
    expect(JSON.stringify(problems)).not.toContain('secret');
  });

  test('gives back any value that was written in double quotes', () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.string({ unit: 'binary' })), (values) => {
        const text = Object.entries(values).map(
          ([key, value]) => `${key}="${value.replaceAll(/[\\"$]/g, '\\$&')}"\n`,
        );
        expect(read(text.join(''))).toEqual({ ...values });
      }),
    );
  });

  test('gives back any value without quote or apostrophe that was written in single quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (given) => {
        const value = given.replaceAll("'", '');
        expect(read(`A='${value}'`)).toEqual({ A: value });
      }),
    );
  });

  test('never throws, and never says a value, whatever it holds', () => {
    const piece = fc.constantFrom(
      'A',
      '=',
      '"',
      "'",
      '$',
      '${',
      '}',
      '\\',
      '\n',
      '\r',
      '#',
      ' ',
      ':',
      ':-',
      'sesame',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const problems: Problem[] = [];
        readDotenv(pieces.join(''), () => undefined, problems);
        const text = problems.map(({ message }) => message.replaceAll(/the quote of \S+ is/g, '')).join();
        expect(text).not.toContain('sesame');
      }),
    );
  });
});
