import { describe, expect, test } from '@jest/globals';
import { chooseColor, chooseMode } from '../../src/ui/mode.ts';

describe('how progress is shown', () => {
  const choose = (changes: Partial<Parameters<typeof chooseMode>[0]>) =>
    chooseMode({
      json: false,
      quiet: false,
      stderrIsTty: true,
      stderrColumns: 80,
      env: { TERM: 'xterm' },
      ...changes,
    });

  test.each([
    ['a terminal', {}, 'terminal'],
    ['a pipe or a file', { stderrIsTty: false }, 'plain'],
    ['a terminal that cannot move its cursor', { env: { TERM: 'dumb' } }, 'plain'],
    ['a terminal of no width, on which drawing would never end', { stderrColumns: 0 }, 'plain'],
    ['a CI run that pretends to be a terminal', { env: { CI: 'true' } }, 'plain'],
    ['CI set to nothing', { env: { CI: '' } }, 'terminal'],
    ['-q', { quiet: true }, 'quiet'],
    ['--json', { json: true }, 'json'],
    ['--json and -q', { json: true, quiet: true }, 'json'],
  ] as const)('%s', (_title, changes, mode) => {
    expect(choose(changes)).toBe(mode);
  });
});

describe('colour', () => {
  const choose = (changes: Partial<Parameters<typeof chooseColor>[0]>) =>
    chooseColor({ noColor: false, isTty: true, env: {}, ...changes });

  test.each([
    ['a terminal has it', {}, true],
    ['a pipe has none', { isTty: false }, false],
    ['--no-color takes it', { noColor: true }, false],
    ['NO_COLOR takes it', { env: { NO_COLOR: '1' } }, false],
    ['NO_COLOR set to nothing does not', { env: { NO_COLOR: '' } }, true],
    ['FORCE_COLOR gives it to a pipe', { isTty: false, env: { FORCE_COLOR: '1' } }, true],
    ['FORCE_COLOR=0 does not', { isTty: false, env: { FORCE_COLOR: '0' } }, false],
    ['NO_COLOR wins over FORCE_COLOR', { env: { NO_COLOR: '1', FORCE_COLOR: '1' } }, false],
    ['--no-color wins over FORCE_COLOR', { noColor: true, env: { FORCE_COLOR: '1' } }, false],
    ['a dumb terminal has none', { env: { TERM: 'dumb' } }, false],
  ] as const)('%s', (_title, changes, color) => {
    expect(choose(changes)).toBe(color);
  });
});
