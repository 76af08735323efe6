import { spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Measured } from './measured-run.ts';

/** A command as it is started, and nothing that depends on when. */
export interface Command {
  program: string;
  args: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string>>;
}

const measuredRun = fileURLToPath(new URL('./measured-run.ts', import.meta.url));

/** Throws when the command fails, with what it said. Temporary files, caches and settings are in `folder`, not the user's. */
export async function measure(
  command: Command,
  folder: string,
  prefix: readonly string[] = [],
): Promise<Measured> {
  const result = join(folder, 'measured.json');
  const args = [measuredRun, result, ...prefix, command.program, ...command.args];
  await run({ ...command, program: process.execPath, args }, folder);
  const measured = JSON.parse(await readFile(result, 'utf8')) as Measured;
  await rm(result);
  return measured;
}

/** The command's standard output. Throws when it fails, with what it said. */
export async function run({ program, args, cwd, env }: Command, folder: string): Promise<string> {
  const child = spawn(program, args, {
    cwd: cwd ?? folder,
    env: { ...surroundingsOf(folder), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code === 0) return output;
  throw new Error(
    `${program} ${args.join(' ')} ended with ${String(code)}:\n${output.slice(-2000)}${errors.slice(-2000)}`,
  );
}

/** A new folder in which commands find what they expect of a user's. */
export async function freshSurroundings(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  for (const part of ['home', 'tmp', 'cache']) await mkdir(join(folder, part), { recursive: true });
  return folder;
}

export function surroundingsOf(folder: string): Record<string, string | undefined> {
  return {
    PATH: process.env['PATH'],
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 'tmp'),
    XDG_CACHE_HOME: join(folder, 'cache'),
  };
}
