import { describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { displayWidth } from '../../src/ui/format.ts';
import { errorDocument, renderError } from '../../src/ui/error.ts';

const plain = { color: false, verbose: false };
const verbose = { color: false, verbose: true };

const diskFull = new RelocateError('disk-full', 'No room is left at file:/srv/backups.', {
  facts: { place: 'file:/srv/backups', neededBytes: 4096, retried: true, unknown: undefined },
  hint: 'Nothing was lost. Make room, then run again: relocate snapshot',
  cause: new Error('ENOSPC: no space left', { cause: new Error('write failed') }),
});

describe('an error for a person', () => {
  test('says what happened, the values the message leaves out, and the command to go on with, to be copied', () => {
    expect(renderError(diskFull, plain)).toBe(
      [
        '✖ No room is left at file:/srv/backups.',
        '  needed bytes: 4096',
        '→ Nothing was lost. Make room, then run again:',
        '    relocate snapshot',
      ].join('\n'),
    );
  });

  test('with -v also holds every fact and the whole chain of causes', () => {
    const text = renderError(diskFull, verbose);
    expect(text).toContain('place: file:/srv/backups');
    expect(text).toContain('caused by: ENOSPC: no space left');
    expect(text).toContain('caused by: write failed');
    expect(renderError(diskFull, plain)).not.toMatch(/ENOSPC|caused by/);
  });

  test('of the user’s making has no stack; what should not have happened has one, and says where to take it', () => {
    expect(renderError(new RelocateError('usage', 'No.'), verbose)).not.toContain('    at ');
    const bug = renderError(new TypeError('x is not a function'), verbose);
    expect(bug).toContain('at ');
    expect(bug).toContain('This is a bug in relocate.');
    expect(renderError(new TypeError('x is not a function'), plain)).not.toContain('error.test');
  });

  test('leaves prose behind a command in its line', () => {
    const hint = 'Stop it with: relocate destroy — or go on.';
    expect(renderError(new RelocateError('usage', 'None.', { hint }), plain)).toBe(`✖ None.\n→ ${hint}`);
  });

  test('moves no cursor and hides nothing, whatever a tool wrote', () => {
    const hostile = 'line\u001b[2J\none\u202e\u0007';
    const error = new RelocateError('source-failed', hostile, {
      facts: { [hostile]: hostile },
      hint: hostile,
      cause: new AggregateError([new Error(hostile)], hostile),
    });
    for (const style of [plain, verbose]) {
      // oxlint-disable-next-line no-control-regex -- these are what must not be there.
      expect(renderError(error, style).replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u202e]/u);
    }
  });

  test('fits the terminal, and is left whole where there is none', () => {
    const long = new RelocateError('usage', 'word '.repeat(60).trim(), { hint: 'other '.repeat(60).trim() });
    for (const line of renderError(long, { ...plain, width: 40 }).split('\n')) {
      expect(displayWidth(line)).toBeLessThanOrEqual(40);
    }
    expect(renderError(long, plain).split('\n')).toHaveLength(2);
  });

  test('is coloured only where colour is wanted', () => {
    expect(renderError(diskFull, { color: true, verbose: false })).toContain('\u001b[');
    expect(renderError(diskFull, plain)).not.toContain('\u001b');
  });

  test.each([
    ['nothing', undefined, 'undefined'],
    ['a text', 'just text', 'just text'],
    ['an error without words', new RangeError(''), 'RangeError'],
    ['several at once', new AggregateError([new Error('one'), new Error('two')]), 'one\n  two'],
  ])('thrown as %s is told all the same', (_title, thrown, words) => {
    expect(renderError(thrown, plain)).toContain(`✖ ${words}`);
  });

  test('caused by itself comes to an end', () => {
    const error = new Error('round');
    error.cause = error;
    expect(renderError(error, verbose).match(/caused by/g)?.length).toBeLessThan(12);
  });
});

test('an error for a program has its code, its facts, its hint and the exit code', () => {
  expect(errorDocument(diskFull)).toEqual({
    code: 'disk-full',
    message: 'No room is left at file:/srv/backups.',
    facts: { place: 'file:/srv/backups', neededBytes: 4096, retried: true },
    hint: 'Nothing was lost. Make room, then run again: relocate snapshot',
    exitCode: 1,
  });
  expect(errorDocument('text')).toMatchObject({ code: 'internal', message: 'text', exitCode: 1 });
});
