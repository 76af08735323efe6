import type { Writable } from 'node:stream';
import type { Event } from '../events.ts';

/** One way of showing what the stages say. `result` and `error` come once, at the end. */
export interface Renderer {
  event(event: Event): void;
  result(value: unknown): void;
  error(error: unknown): void;
  /** Leaves the terminal as it was found. Safe to call twice; nothing is drawn afterwards. */
  stop(): void;
}

export interface RendererContext {
  stdout: Stream;
  stderr: Stream;
  color: boolean;
  verbose: boolean;
  now: () => number;
}

/** A stream that may be a terminal and then knows its size. */
export type Stream = Writable & { columns?: number; rows?: number; isTTY?: boolean };

export function columnsOf(stream: Stream): number {
  return Math.max(20, stream.columns ?? 80);
}
