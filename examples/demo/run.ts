import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { command } from './say.ts';

const relocateProgram = path.join(import.meta.dirname, '../../bin/relocate');

interface RunOptions {
  cwd: string;
  /** For the clean-up: Ctrl-C at the terminal does not reach the command. */
  undisturbed?: boolean;
}

/** Runs the real command line as a person would, in sight; throws when it does not succeed. */
export async function relocate(args: readonly string[], options: RunOptions): Promise<void> {
  command(['relocate', ...args]);
  const exitCode = await run(relocateProgram, args, options);
  if (exitCode !== 0) throw new Error(`relocate ${args[0] ?? ''} ended with exit code ${exitCode ?? 'none'}`);
}

/** Undefined where the program is not installed, or was ended by a signal. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<number | undefined> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: options.undisturbed ?? false,
  });
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return exitCode ?? undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
