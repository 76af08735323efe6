import { spawn } from 'node:child_process';
import type { Host, HostOutput, RunOptions, RunResult } from './host.ts';
import { followProgram } from './program-io.ts';

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
  const { stdin, stdout, stderr } = child;
  const kill = () => killGroup(child.pid);
  const followed = await followProgram({ stdin, stdout, stderr, ended: endOf(child), kill }, options);
  const { end, isLate } = followed;
  if (typeof end !== 'number') return { exitCode: 127, stdout: followed.stdout, stderr: end.message };
  return { exitCode: isLate ? 124 : end, stdout: followed.stdout, stderr: followed.stderr };
}

const ownVariable = /^(RELOCATE|RESTIC|PULUMI)_/;

/** The environment of this process without what is relocate's own business: passwords of repositories among it. */
function hostEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ownVariable.test(name)));
}

type Child = ReturnType<typeof spawn>;

/** The exit code, or why there was no process. */
function endOf(child: Child): Promise<number | Error> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)));
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
