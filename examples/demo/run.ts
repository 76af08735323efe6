import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { command, line } from './say.ts';

const relocateProgram = path.join(import.meta.dirname, '../../bin/relocate');

interface RunOptions {
  cwd: string;
  /** For the clean-up: Ctrl-C at the terminal does not reach the command. */
  undisturbed?: boolean;
}

interface Shown extends RunOptions {
  /** Which lines of what it said are shown; all of them when it fails. */
  show: (lines: string[]) => string[];
}

/** Runs the real command line as a person would, in sight; throws when it does not succeed. */
export async function relocate(args: readonly string[], { show, ...options }: Shown): Promise<void> {
  command(['relocate', ...args]);
  const ended = await run(relocateProgram, args, options);
  const lines = (ended?.said ?? '').split('\n').filter((one) => one !== '');
  for (const one of ended?.exitCode === 0 ? show(lines) : lines) line(one);
  if (ended?.exitCode !== 0) {
    throw new Error(`relocate ${args[0] ?? ''} ended with exit code ${ended?.exitCode ?? 'none'}`);
  }
}

/** Undefined where the program is not installed. What it writes to stderr is seen at once. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<{ exitCode: number | null; said: string } | undefined> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: options.undisturbed ?? false,
  });
  try {
    const [said, [exitCode]] = await Promise.all([
      text(child.stdout),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { exitCode, said };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
