import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { writeDurably } from './durable-file.ts';

/** How long things took in earlier deploys: the newest few measurements of each kind, oldest first. */
const schema = z.object({
  historyVersion: z.literal(1),
  /** Milliseconds, by kind of step: `provision local`, `start`, `verify`. */
  durationsMs: z.record(z.string(), z.array(z.number())),
  /** Bytes a second, by kind of work and source: `restore postgres`. */
  rates: z.record(z.string(), z.array(z.number())),
});
export type History = z.infer<typeof schema>;

export interface Measured {
  /** The kind, e.g. `restore postgres`. */
  kind: string;
  durationMs: number;
  sizeBytes?: number | undefined;
}

const kept = 5;

/** Of less than this, the time tells of starting and not of the size. */
const rateFromBytes = 1024 * 1024;

export const noHistory: History = { historyVersion: 1, durationsMs: {}, rates: {} };

/** A history that cannot be read is none: it only feeds estimates. */
export async function readHistory(path: string): Promise<History> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return noHistory;
  }
}

export async function writeHistory(path: string, history: History): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeDurably(path, `${JSON.stringify(history, null, 2)}\n`);
}

/** Pure. */
export function withMeasurements(history: History, measured: readonly Measured[]): History {
  const durationsMs = { ...history.durationsMs };
  const rates = { ...history.rates };
  for (const { kind, durationMs, sizeBytes } of measured) {
    durationsMs[kind] = [...(durationsMs[kind] ?? []), durationMs].slice(-kept);
    if (sizeBytes !== undefined && sizeBytes >= rateFromBytes) {
      rates[kind] = [...(rates[kind] ?? []), (sizeBytes * 1000) / Math.max(durationMs, 1)].slice(-kept);
    }
  }
  return { historyVersion: 1, durationsMs, rates };
}

/**
 * Pure. What a step of that kind will take, in ms; undefined while none was measured. A larger thing takes longer, a
 * smaller one not less than the quickest ever: part of the time is spent on starting, whatever the size.
 */
export function expectedMs(history: History, kind: string, sizeBytes?: number): number | undefined {
  const durations = history.durationsMs[kind];
  const usual = median(durations);
  if (durations === undefined || usual === undefined) return undefined;
  const rate = median(history.rates[kind]);
  if (sizeBytes === undefined || rate === undefined) return Math.round(usual);
  return Math.round(Math.max((sizeBytes * 1000) / rate, Math.min(...durations)));
}

function median(values: readonly number[] | undefined): number | undefined {
  return values?.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
