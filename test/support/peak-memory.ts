import { readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { readQuietly } from './read-quietly.ts';

export interface Memory {
  /** Peak resident memory by process, such as "node …/main.js deploy (4711)", in MiB. */
  peaksMib: Record<string, number>;
  /** The most that all of them held at one sampled moment; what they share counts for each. */
  togetherMib: number;
}

/**
 * Watches every Node process that names the folder in its arguments or environment: the program and whatever helpers it
 * starts, and none of PostgreSQL's or Pulumi's own. The system keeps each one's peak, so samples may be far apart.
 */
export function watchMemory(folder: string): () => Memory {
  const peaksMib: Record<string, number> = {};
  let togetherMib = 0;
  const sample = () => {
    let sumMib = 0;
    for (const pid of pidsOf(folder)) {
      const status = readQuietly(`/proc/${pid}/status`);
      const peakMib = fieldMib(status, 'VmHWM');
      const name = `${nameOf(pid)} (${pid})`;
      if (peakMib > 0) peaksMib[name] = Math.max(peaksMib[name] ?? 0, peakMib);
      sumMib += fieldMib(status, 'VmRSS');
    }
    togetherMib = Math.max(togetherMib, sumMib);
  };
  const timer = setInterval(sample, 200);
  return () => {
    clearInterval(timer);
    return { peaksMib, togetherMib };
  };
}

function pidsOf(folder: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid || !isNode(entry)) return false;
    return ['cmdline', 'environ'].some((name) => readQuietly(`/proc/${entry}/${name}`).includes(folder));
  });
}

function isNode(pid: string): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)) === 'node';
  } catch {
    return false;
  }
}

function nameOf(pid: string): string {
  const words = readQuietly(`/proc/${pid}/cmdline`).split('\0');
  const program = words.find((word) => /\.[jt]s$/.test(word)) ?? '';
  return `${basename(program)} ${words.find((word) => ['snapshot', 'deploy'].includes(word)) ?? ''}`.trim();
}

function fieldMib(status: string, field: string): number {
  return Math.ceil(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024);
}
