import { clearLine, cursorTo, moveCursor, type Direction } from 'node:readline';
import { Writable } from 'node:stream';
import type { RendererContext, Stream } from '../../../src/ui/renderer.ts';

/** A stream that keeps what is written to it, and a clock that only the test moves. */
export interface Screen {
  context: RendererContext;
  out: () => string;
  err: () => string;
  /** Lines of stderr. */
  lines: () => string[];
  pass: (ms: number) => void;
}

export function screen(
  options: { color?: boolean; verbose?: boolean; columns?: number; rows?: number; now?: () => number } = {},
): Screen {
  const stdout = keeping();
  const stderr = keeping();
  const { stream } = stderr;
  Object.assign(stream, {
    columns: options.columns ?? 80,
    rows: options.rows ?? 24,
    isTTY: true,
    // As node:tty has them: each writes its escape sequence to the stream.
    cursorTo: (x: number) => cursorTo(stream, x),
    moveCursor: (dx: number, dy: number) => moveCursor(stream, dx, dy),
    clearLine: (direction: Direction) => clearLine(stream, direction),
  });
  let clockMs = Date.parse('2026-01-31T12:00:00.000Z');
  return {
    context: {
      stdout: stdout.stream,
      stderr: stderr.stream,
      color: options.color ?? false,
      verbose: options.verbose ?? false,
      now: options.now ?? (() => clockMs),
    },
    out: stdout.text,
    err: stderr.text,
    lines: () => stderr.text().split('\n').filter(Boolean),
    pass: (ms) => (clockMs += ms),
  };
}

function keeping(): { stream: Stream; text: () => string } {
  let kept = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      kept += String(chunk);
      done();
    },
  });
  return { stream, text: () => kept };
}
