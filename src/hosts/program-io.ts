import { Readable, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import type { RunOptions } from './host.ts';

/** What goes into a program and what comes out of it, wherever it runs. */

function inputOf(input: RunOptions['input']): Readable {
  return typeof input === 'string' || input === undefined
    ? Readable.from(input === undefined || input === '' ? [] : [Buffer.from(input)])
    : Readable.from(input);
}

const keptBytes = 8 * 1024 * 1024;
/** A child of the program may hold its output open for ever; what the program itself wrote has arrived by then. */
const drainMs = 500;

/** The last 8 MiB, as text, once the program has ended. */
async function tailOf(stream: Readable | null, ended: Promise<unknown>): Promise<string> {
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

/** A program that was started, here or at the other end of a connection. */
export interface RunningProgram<End> {
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  /** How it ended. */
  ended: Promise<End>;
  kill: () => void;
}

/**
 * Gives a program its input and waits for its end; killed when `timeoutMs` is over (`isLate`) and when the signal
 * aborts, whose reason is then thrown.
 */
export async function followProgram<End>(
  { stdin, stdout, stderr, ended, kill }: RunningProgram<End>,
  { input, timeoutMs, signal }: RunOptions,
): Promise<{ end: End; isLate: boolean; stdout: string; stderr: string }> {
  let isLate = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          isLate = true;
          kill();
        }, timeoutMs);
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const [end, out, errors] = await Promise.all([
      ended,
      tailOf(stdout, ended),
      tailOf(stderr, ended),
      // A program need not read its input; how it ends is told by its exit code.
      pipeline(inputOf(input), stdin).catch(() => {}),
    ]);
    signal?.throwIfAborted();
    return { end, isLate, stdout: out, stderr: errors };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}
