import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * Runs one command and writes what it took to a file: `measured-run.ts RESULT PROGRAM ARGUMENT…`. A process of its own, so
 * that whatever starts it (a scheduler, a lock on the machine) is not measured, and so that the system counts the CPU time
 * of this command and nobody else's. Ends as the command did. Linux: what the system knows of processes is read from /proc.
 */
export interface Measured {
  wallMs: number;
  /** User and system time of the command and of whatever it started. */
  cpuMs: number;
  /** The part of it that the system worked for them. */
  systemMs: number;
  /** The most resident memory; of several processes, the sum of each one's most. */
  peakBytes: number;
}

const sampleMs = 20;
/** What the system counts CPU time in: sysconf(_SC_CLK_TCK) is 100 on all Linux machines that Node runs on. */
const tickMs = 10;

const peaks = new Map<string, number>();

/** The system keeps each process's peak: only what it grew by in its last milliseconds can be missed. */
function sample(pid: string): void {
  const peakKib = /^VmHWM:\s+(\d+) kB/m.exec(readQuietly(`/proc/${pid}/status`))?.[1];
  if (peakKib !== undefined) peaks.set(pid, Number(peakKib) * 1024);
  for (const thread of threadsOf(pid)) {
    const children = readQuietly(`/proc/${pid}/task/${thread}/children`).split(' ');
    for (const child of children) if (child !== '') sample(child);
  }
}

function threadsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Of all children of this process that have ended. */
function childrensCpu(): { cpuMs: number; systemMs: number } {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const systemMs = Number(fields[14]) * tickMs;
  return { cpuMs: Number(fields[13]) * tickMs + systemMs, systemMs };
}

const [resultPath = '', program = '', ...args] = process.argv.slice(2);
const startedAt = performance.now();
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
const pid = String(child.pid);
const timer = setInterval(() => sample(pid), sampleMs);
child.once('error', (error) => {
  clearInterval(timer);
  process.stderr.write(`${program}: ${error.message}\n`);
  process.exitCode = 127;
});
child.once('exit', (code, signal) => {
  const wallMs = performance.now() - startedAt;
  clearInterval(timer);
  const peakBytes = [...peaks.values()].reduce((sum, one) => sum + one, 0);
  const measured: Measured = { wallMs, ...childrensCpu(), peakBytes };
  writeFileSync(resultPath, JSON.stringify(measured));
  if (signal !== null) process.stderr.write(`${program} was ended by ${signal}\n`);
  process.exitCode = code ?? 1;
});
