import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';
import { exitCodes } from '../../src/errors.ts';
import { version } from '../../src/version.ts';

const program = buildProgram();
const commands = program.commands.flatMap((command) =>
  command.commands.length > 0 ? [command, ...command.commands] : [command],
);
const called = (command: Command): string =>
  command.parent && command.parent !== program
    ? `${command.parent.name()} ${command.name()}`
    : command.name();

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

describe.each(commands.map((command) => [called(command), command] as const))(
  'help of %s',
  (name, command) => {
    test('shows an example that is a call of this very command', () => {
      const examples = helpOf(command).split(/Examples?:/)[1] ?? '';
      const calls = examples.match(/^ +.*\brelocate\b.*$/gm) ?? [];
      expect(calls.length).toBeGreaterThan(0);
      expect(calls.some((line) => line.includes(name))).toBe(true);
    });

    test('examples use no option that the command does not take', () => {
      const known = [
        ...program.options,
        ...command.options,
        ...command.commands.flatMap((one) => one.options),
      ];
      const examples =
        helpOf(command)
          .split(/Examples?:/)[1]
          ?.split('Exit codes:')[0] ?? '';
      for (const [option] of examples.matchAll(/(?<=\s)--[a-z-]+/g)) {
        expect(known.map(({ long }) => long)).toContain(option);
      }
    });

    test('says what the command and each of its options and arguments do, in one summary line', () => {
      expect(command.summary().length || command.description().length).toBeGreaterThan(5);
      expect(command.summary()).not.toMatch(/\n|\.$/);
      for (const option of command.options) expect(option.description.length).toBeGreaterThan(5);
      for (const argument of command.registeredArguments) {
        const isTold = argument.description.length > 5 || (argument.argChoices ?? []).length > 0;
        expect([argument.name(), isTold]).toEqual([argument.name(), true]);
      }
    });

    test('has no line wider than 112 columns', () => {
      const [usage = ''] = helpOf(command).split(/Examples?:/);
      for (const line of usage.split('\n')) expect(line.length).toBeLessThanOrEqual(112);
    });
  },
);

describe('help of the program', () => {
  const help = helpOf(program);

  test('lists every command, and the first steps', () => {
    for (const command of program.commands) expect(help).toMatch(new RegExp(`^ {2}${command.name()} `, 'm'));
    expect(help).toContain('relocate init');
  });

  test('lists every exit code that there is', () => {
    const listed = help.slice(help.indexOf('Exit codes:'));
    for (const code of new Set([0, ...Object.values(exitCodes)])) {
      expect(listed).toMatch(new RegExp(`(^|[·\\s])${code} `));
    }
  });

  test('describes every global option', () => {
    for (const option of program.options)
      expect([option.long, option.description]).not.toEqual([option.long, '']);
  });
});

test('the version is the package’s', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(version).toBe(manifest.version);
  expect(program.version()).toBe(manifest.version);
});
