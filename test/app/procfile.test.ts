import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Problem } from '../../src/app/problems.ts';
import { readProcfile } from '../../src/app/procfile.ts';

describe('a Procfile', () => {
  test('gives its processes in order, and the release command apart', () => {
    const text =
      '# what\r\nweb: bin/web --port $PORT: 1 \r\n\n  my_worker-2 : sh -c "a # b"\nrelease: migrate';
    expect(readProcfile(text, [])).toEqual({
      services: [
        { name: 'web', command: 'bin/web --port $PORT: 1' },
        { name: 'my_worker-2', command: 'sh -c "a # b"' },
      ],
      release: 'migrate',
    });
  });

  test.each([
    ['web', 'must read "name: command"'],
    ['we b: x', 'must read "name: command"'],
    [': x', 'must read "name: command"'],
    [`${'w'.repeat(64)}: x`, 'must read "name: command"'],
    ['web:  ', '"web" has no command'],
    ['ok: a\nok: b', '"ok" is here twice: give each process its own name'],
    ['release: a\nrelease: b', '"release" is here twice: give each process its own name'],
  ])('%j is refused', (text, message) => {
    const problems: Problem[] = [];
    readProcfile(text, problems);
    expect(problems).toMatchObject([{ message }]);
  });

  test('gives back any processes that were written to one', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/).filter((word) => word !== 'release');
    const command = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .map((text) => text.replaceAll(/[\r\n]/g, '').trim())
      .filter((text) => text !== '');
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, command), { selector: ([word]) => word }), (entries) => {
        const problems: Problem[] = [];
        const text = entries.map(([word, line]) => `${word}: ${line}\n`).join('');
        const { services } = readProcfile(text, problems);
        expect(problems).toEqual([]);
        expect(services).toEqual(entries.map(([name, command]) => ({ name, command })));
      }),
    );
  });
});
