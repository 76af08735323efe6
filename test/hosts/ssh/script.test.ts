import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { commandOverStdin } from '../../../src/hosts/ssh/script.ts';

/** As an SSH server does it: the command line to the user's shell, the rest to standard input. */
function runThere(
  shell: string,
  command: string[],
  environment: Record<string, string>,
  input: string,
): string {
  const { commandLine, script } = commandOverStdin(command, { cwd: '/', environment });
  const said = execFileSync(shell, ['-c', commandLine], {
    input: Buffer.concat([script, Buffer.from(input)]),
    encoding: 'utf8',
  });
  expect(said).toMatch(/^\d+\n/);
  return said.slice(said.indexOf('\n') + 1);
}

describe.each(['/bin/sh', '/bin/bash'])('through %s', (shell) => {
  test.each(["it's", '"', '$HOME `id` \\', 'two\nlines', '', 'ü – 日本', '!x', ' ', '*', '~'])(
    'the word %j arrives as it is, as an argument and as a variable',
    (word) => {
      const print = ['/bin/sh', '-c', 'printf "%s|%s" "$1" "$WORD"', 'sh', word];
      expect(runThere(shell, print, { WORD: word }, '')).toBe(`${word}|${word}`);
    },
  );

  test('the program gets its input from the first byte to the last', () => {
    const input = 'first\n'.repeat(20_000);
    expect(runThere(shell, ['cat'], { A: 'x'.repeat(5_000) }, input)).toBe(input);
  });
});

test('the command line tells nothing of the program, its arguments or its environment', () => {
  const { commandLine } = commandOverStdin(['psql', 'argument'], { environment: { NAME: 'value' } });
  expect(commandLine).not.toMatch(/psql|argument|NAME|value/);
});
