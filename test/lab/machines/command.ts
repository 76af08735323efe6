import { execFile } from 'node:child_process';

/** Runs a program and resolves to what it printed; rejects with what it said. No shell. Bounded: 60 s. */
export function run(program: string, ...args: string[]): Promise<string> {
  return runWith(undefined, program, ...args);
}

/** The same with a text on its standard input. */
export function runWith(input: string | undefined, program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(
          new Error(`${[program, ...args].join(' ')}: ${stderr.trim() || error.message}`, { cause: error }),
        );
    });
    // It may end before it has read everything; its exit code tells.
    child.stdin?.on('error', () => undefined).end(input ?? '');
  });
}

/** For what may be gone already. */
export async function attempt(program: string, ...args: string[]): Promise<void> {
  await run(program, ...args).catch(() => undefined);
}
