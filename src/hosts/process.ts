import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemCodeOf } from '../errors.ts';

/**
 * A process that can be told from a later one with the same number: process numbers are used again, a start time
 * within one boot is not.
 */
export interface ProcessRef {
  pid: number;
  /** Opaque; equal for the same process only. */
  startedAt: string;
}

const onLinux = process.platform === 'linux';

/** The process of that number now; undefined for none, and for one that has ended but was not yet reaped. */
export async function processOf(pid: number): Promise<ProcessRef | undefined> {
  const startedAt = onLinux ? await startedAtOnLinux(pid) : await startedAtByPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export async function isAlive(process: ProcessRef): Promise<boolean> {
  return (await processOf(process.pid))?.startedAt === process.startedAt;
}

/**
 * All processes that have `NAME=value` in their environment: a service's whole family, also those that left its process
 * group, and also when nobody wrote down their numbers. Linux tells; elsewhere the answer is empty.
 */
export async function findMarked(name: string, value: string): Promise<ProcessRef[]> {
  if (!onLinux) return [];
  const wanted = `${name}=${value}`;
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const found: ProcessRef[] = [];
  for (const pid of pids) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!environment.split('\0').includes(wanted)) continue;
    const process = await processOf(pid);
    if (process !== undefined) found.push(process);
  }
  return found;
}

/** Sends a signal to a process, or to the group it leads; one that has gone is no error. */
export async function signal(
  target: ProcessRef,
  name: NodeJS.Signals,
  scope: 'process' | 'group' = 'process',
): Promise<void> {
  if (!(await isAlive(target))) return;
  try {
    process.kill(scope === 'group' ? -target.pid : target.pid, name);
  } catch (error) {
    if (systemCodeOf(error) !== 'ESRCH') throw error;
  }
}

/** Whether any process has that number now, also one of another user: for files that name no more than a number. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}

/** proc(5): after the command's name in parentheses, which may hold anything, field 3 is the state, 22 the start. */
async function startedAtOnLinux(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[22 - 3]];
  if (state === 'Z' || state === 'X' || ticks === undefined) return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return `${boot.trim()}:${ticks}`;
}

async function startedAtByPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C' },
    });
    const [state = 'Z', ...started] = stdout.trim().split(/\s+/);
    return state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}
