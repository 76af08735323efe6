import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../errors.ts';

export interface HookOptions {
  /** Where it runs, absolute. */
  folder: string;
  /** Added to this process's own environment, less the repository's password. */
  environment: Readonly<Record<string, string>>;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** After a polite SIGTERM a hook has this long to tidy up. */
const graceMs = 2000;
const lastWordsMs = 200;
const tailLength = 2000;

/**
 * Runs a command line by `sh -c` in a process group of its own, so that a time-out or an abort ends all that it started
 * and a Ctrl-C on the terminal does not end it behind our back. Throws `hook-failed` with the end of its output; when
 * the signal aborts, the signal's reason.
 */
export async function runHook(command: string, options: HookOptions): Promise<void> {
  options.signal?.throwIfAborted();
  const hook = spawn('/bin/sh', ['-c', command], {
    cwd: options.folder,
    env: { ...environmentForHooks(), ...options.environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const tail = keepTail(hook);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const stop = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  const end = await endOf(hook, stop);
  options.signal?.throwIfAborted();
  if (end.kind === 'exit' && end.code === 0 && !timeout.aborted) return;
  throw failure(command, end, timeout.aborted ? options.timeoutMs : undefined, tail());
}

type End = { kind: 'exit'; code: number | null; signal: string | null } | { kind: 'error'; error: Error };

async function endOf(hook: ChildProcess, stop: AbortSignal): Promise<End> {
  let grace: NodeJS.Timeout | undefined;
  const kill = (): void => {
    signalGroup(hook, 'SIGTERM');
    grace = setTimeout(() => signalGroup(hook, 'SIGKILL'), graceMs);
  };
  stop.addEventListener('abort', kill, { once: true });
  const closed = new Promise((resolve) => hook.once('close', resolve));
  const end = await new Promise<End>((resolve) => {
    hook.once('error', (error) => resolve({ kind: 'error', error }));
    // Not 'close': a child left running in the background may keep the pipes open for ever.
    hook.once('exit', (code, signal) => resolve({ kind: 'exit', code, signal }));
  });
  stop.removeEventListener('abort', kill);
  clearTimeout(grace);
  // What the shell started may outlive it.
  if (stop.aborted) signalGroup(hook, 'SIGKILL');
  // Its last words may still be on their way; nobody waits for those of a child left in the background.
  await Promise.race([closed, sleep(lastWordsMs)]);
  hook.stdout?.destroy();
  hook.stderr?.destroy();
  return end;
}

function signalGroup(hook: ChildProcess, signal: NodeJS.Signals): void {
  if (hook.pid === undefined) return;
  try {
    process.kill(-hook.pid, signal);
  } catch {
    // The group is gone already.
  }
}

function keepTail(hook: ChildProcess): () => string {
  let text = '';
  for (const stream of [hook.stdout, hook.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-tailLength);
    });
  }
  return () => text.trim();
}

function environmentForHooks(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(RELOCATE|RESTIC)_PASSWORD/.test(name));
  return Object.fromEntries(entries);
}

function failure(command: string, end: End, timeoutMs: number | undefined, output: string): RelocateError {
  const reason =
    timeoutMs !== undefined
      ? `was stopped after ${timeoutMs} ms`
      : end.kind === 'error'
        ? `could not be started: ${end.error.message}`
        : end.code === null
          ? `was ended by ${end.signal}`
          : `ended with exit code ${end.code}`;
  return new RelocateError('hook-failed', `The hook “${command}” ${reason}.`, {
    facts: { command, output: output === '' ? undefined : output, timeoutMs },
    hint:
      timeoutMs === undefined
        ? 'Run the command by hand in the app’s folder. Older snapshots are untouched.'
        : 'Give it more time with hooks: timeout, or make it quicker. Older snapshots are untouched.',
  });
}
