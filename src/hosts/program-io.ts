import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { RunOptions } from './host.ts';

/** What goes into a program and what comes out of it, wherever it runs. */

export function inputOf(input: RunOptions['input']): Readable {
  return typeof input === 'string' || input === undefined
    ? Readable.from(input === undefined || input === '' ? [] : [Buffer.from(input)])
    : Readable.from(input);
}

const keptBytes = 8 * 1024 * 1024;
/** A child of the program may hold its output open for ever; what the program itself wrote has arrived by then. */
export const drainMs = 500;

/** The last 8 MiB, as text, once the program has ended. */
export async function tailOf(stream: Readable | null, ended: Promise<unknown>): Promise<string> {
  if (stream === null) return '';
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    while (sizeBytes - (chunks[0]?.length ?? 0) >= keptBytes) sizeBytes -= chunks.shift()?.length ?? 0;
  });
  const closed = finished(stream, { writable: false }).catch(() => {});
  await ended;
  const timer = setTimeout(() => stream.destroy(), drainMs);
  await closed;
  clearTimeout(timer);
  return Buffer.concat(chunks).toString('utf8');
}
