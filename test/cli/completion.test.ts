import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { wordsOf } from '../../src/cli/completion.ts';
import { buildProgram } from '../../src/cli/program.ts';

const isThere = (program: string): boolean => spawnSync(program, ['-c', 'true']).status === 0;
const describeWith = (shell: string) => (isThere(shell) ? describe : describe.skip);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'relocate-completion-'));
  writeFileSync(join(folder, 'a file.txt'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `relocate completion SHELL` prints. */
async function scriptFor(shell: string): Promise<string> {
  let said = '';
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((part) => {
    said += String(part);
    return true;
  });
  try {
    await buildProgram().parseAsync(['completion', shell], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return said;
}

describeWith('bash')('completion in bash (skipped where there is no bash)', () => {
  /** What bash offers for the last of these words, when Tab is pressed there. */
  async function offered(...words: string[]): Promise<string[]> {
    const program = `${await scriptFor('bash')}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _relocate; printf '%s\\n' "\${COMPREPLY[@]}"`;
    // Its input is a socket, which bash takes for a login from afar that wants its settings.
    const result = spawnSync('bash', ['--norc', '-u', '-c', program, 'bash', 'relocate', ...words], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    return result.stdout.split('\n').filter((line) => line !== '');
  }

  test('offers every command, and those that begin as typed', async () => {
    const names = buildProgram().commands.map((command) => command.name());
    expect(await offered('')).toEqual(expect.arrayContaining(names));
    expect((await offered('snap')).toSorted()).toEqual(['snapshot', 'snapshots']);
    expect(await offered('st')).toEqual(['status']);
  });

  test('offers the options of the command typed so far, and the global ones', async () => {
    expect(await offered('deploy', '--')).toEqual(
      expect.arrayContaining(['--to', '--snapshot', '--dry-run', '--resume', '--json', '--repo']),
    );
    expect(await offered('snapshots', '--to')).toEqual([]);
    expect(await offered('--json', 'deploy', '--res')).toEqual(['--resume']);
  });

  test('knows commands of commands', async () => {
    expect((await offered('key', '')).filter((word) => !word.startsWith('-')).toSorted()).toEqual([
      'add',
      'list',
      'passwd',
      'remove',
    ]);
  });

  test('goes on with files where no word fits, with their spaces', async () => {
    expect(await offered('deploy', '--config', 'a')).toEqual(['a file.txt']);
  });

  test('registers itself for the program', async () => {
    const script = `${await scriptFor('bash')}\ncomplete -p relocate`;
    expect(spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout).toContain('-F _relocate relocate');
  });
});

describeWith('zsh')('completion in zsh (skipped where there is no zsh)', () => {
  test('is a script that zsh can read', async () => {
    const result = spawnSync('zsh', ['-n', '-c', await scriptFor('zsh')], { encoding: 'utf8' });
    expect(result).toMatchObject({ status: 0, stderr: '' });
  });
});

describeWith('fish')('completion in fish (skipped where there is no fish)', () => {
  test('offers commands and options', async () => {
    const script = `${await scriptFor('fish')}\ncomplete -C 'relocate snap'; complete -C 'relocate deploy --res'`;
    const result = spawnSync('fish', ['-c', script], { encoding: 'utf8' });
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^snapshot\t/m);
    expect(result.stdout).toMatch(/^--resume\t/m);
  });
});

describe('the scripts', () => {
  test.each(['bash', 'zsh', 'fish'])('for %s know every command and long option', async (shell) => {
    const script = await scriptFor(shell);
    for (const [, choices] of wordsOf(buildProgram())) {
      for (const { word } of choices) expect(script).toContain(word.replace(/^--/, ''));
    }
  });

  test.each(['zsh', 'fish'])('for %s close every quote, whatever descriptions hold', async (shell) => {
    for (const line of (await scriptFor(shell))
      .split('\n')
      .filter((line) => /choices=\(|complete -c/.test(line))) {
      expect(line.replaceAll(/\\./g, '').split("'").length % 2).toBe(1);
    }
  });
});
