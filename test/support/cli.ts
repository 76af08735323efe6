import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The program as a user starts it: bin/relocate over the compiled sources (`npm run build`). */
export const relocateBin = fileURLToPath(new URL('../../bin/relocate', import.meta.url));

export interface CliResult {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  cwd: string;
  env?: Record<string, string | undefined>;
  input?: string;
}

export const testPassword = 'correct horse battery staple';

/** Starts the program; the promise settles when it has ended and never rejects for an exit code. */
export function startRelocate(
  args: readonly string[],
  options: CliOptions,
): { child: ChildProcess; ended: Promise<CliResult> } {
  if (!existsSync(fileURLToPath(new URL('../../dist/src/main.js', import.meta.url)))) {
    throw new Error('dist/ is missing: run `npm run build` first (bin/test does).');
  }
  const child = spawn(relocateBin, args, {
    cwd: options.cwd,
    env: { ...process.env, RELOCATE_PASSWORD: testPassword, NODE_OPTIONS: '', NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
  return { child, ended };
}

export function relocate(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return startRelocate(args, options).ended;
}

/** The one result of a run with --json. */
// oxlint-disable-next-line no-unnecessary-type-parameters -- the caller knows what its command answers.
export function resultOf<T = Record<string, unknown>>(result: CliResult): T {
  const last = result.stdout.trimEnd().split('\n').at(-1) ?? '';
  const parsed = JSON.parse(last) as T & { type: string };
  if (parsed.type !== 'result') throw new Error(`no result but: ${last}\n${result.stderr}`);
  return parsed;
}
