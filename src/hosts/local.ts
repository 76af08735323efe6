import { spawn } from 'node:child_process';
import { finished, pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { Host, HostOutput, RunOptions, RunResult } from './host.ts';

/** This machine. */
export function localHost(output: HostOutput): Host {
  return { output, run: runLocally };
}

/**
 * Runs a program, without a shell, to its end, and in a process group of its own. A failing program is a result, not
 * an error: 127 where there is no such program, 124 when `timeoutMs` was over (as a shell and timeout(1) say it), 128
 * plus its number for a signal. Of what it writes the last 8 MiB are kept. On abort the group is killed, and the
 * signal's reason thrown.
 */
export async function runLocally(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...hostEnvironment(), ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const kill = () => killGroup(child.pid);
  let isLate = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          isLate = true;
          kill();
        }, options.timeoutMs);
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const ended = endOf(child);
    const [exitCode, stdout, stderr] = await Promise.all([
      ended,
      tailOf(child.stdout, ended),
      tailOf(child.stderr, ended),
      // A program need not read its input; how it ends is told by its exit code.
      pipeline(inputOf(options.input), child.stdin).catch(() => {}),
    ]);
    options.signal?.throwIfAborted();
    if (typeof exitCode !== 'number') return { exitCode: 127, stdout, stderr: exitCode.message };
    return { exitCode: isLate ? 124 : exitCode, stdout, stderr };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
  }
}

const ownVariable = /^(RELOCATE|RESTIC|PULUMI)_/;

/** The environment of this process without what is relocate's own business: passwords of repositories among it. */
function hostEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ownVariable.test(name)));
}

function inputOf(input: RunOptions['input']): Readable {
  return typeof input === 'string' || input === undefined
    ? Readable.from(input === undefined || input === '' ? [] : [Buffer.from(input)])
    : Readable.from(input);
}

type Child = ReturnType<typeof spawn>;

/** The exit code, or why there was no process. */
function endOf(child: Child): Promise<number | Error> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)));
  });
}

const keptBytes = 8 * 1024 * 1024;
/** A child of the program may hold its output open for ever; what the program itself wrote has arrived by then. */
const drainMs = 500;

async function tailOf(stream: Readable | null, ended: Promise<unknown>): Promise<string> {
  if (stream === null) return '';
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    while (sizeBytes - (chunks[0]?.length ?? 0) >= keptBytes) sizeBytes -= chunks.shift()?.length ?? 0;
  });
  const closed = finished(stream).catch(() => {});
  await ended;
  const timer = setTimeout(() => stream.destroy(), drainMs);
  await closed;
  clearTimeout(timer);
  return Buffer.concat(chunks).toString('utf8');
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
