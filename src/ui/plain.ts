import type { Event } from '../events.ts';
import { renderError } from './error.ts';
import { formatDuration, sanitise } from './format.ts';
import { phaseEndLine, warningLine } from './lines.ts';
import { painter } from './paint.ts';
import { createTracker, describeCounts, type PhaseView } from './progress.ts';
import type { Renderer, RendererContext } from './renderer.ts';

const reportEveryMs = 5000;

/** Lines for logs: one when a phase starts, one when it ends, one every five seconds in between. */
export function createPlain({ stderr, color, verbose, now }: RendererContext): Renderer {
  const tracker = createTracker(now);
  const paint = painter(color);
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const write = (line: string) => {
    if (!stopped) stderr.write(`${line}\n`);
  };
  const stopTimer = () => {
    clearInterval(timer);
    timer = undefined;
  };
  function startTimer() {
    if (timer !== undefined || stopped) return;
    timer = setInterval(() => {
      for (const line of tracker.running().flatMap(progressLines)) write(line);
    }, reportEveryMs);
    timer.unref();
  }

  return {
    event(event: Event) {
      switch (event.type) {
        case 'phase-start':
          tracker.start(event.phase, event.title);
          write(`${event.phase}: ${sanitise(event.title)}`);
          startTimer();
          break;
        case 'phase-end':
          tracker.end(event.phase);
          write(`${event.phase}: ${phaseEndLine(event)}`);
          if (tracker.running().length === 0) stopTimer();
          break;
        case 'progress':
          tracker.progress(event);
          startTimer();
          break;
        case 'warning':
          write(warningLine(event, paint));
          break;
        case 'note':
          write(sanitise(event.message));
          break;
        case 'detail':
          if (verbose) write(sanitise(event.message));
          break;
      }
    },
    result() {},
    error(error) {
      write(renderError(error, { color, verbose }));
    },
    stop() {
      stopTimer();
      stopped = true;
    },
  };
}

/** A line for each source at work, or one for the phase: `restore: db 412.0 MiB of 1.1 GiB, 88.1 MiB/s, 8 s left`. */
export function progressLines(view: PhaseView): string[] {
  const rows = view.items.map(({ name, counts }) => [sanitise(name), describeCounts(counts)]);
  if (view.counts)
    rows.push([view.label === undefined ? '' : sanitise(view.label), describeCounts(view.counts)]);
  if (rows.length === 0) {
    const label = view.label === undefined ? 'still working' : sanitise(view.label);
    rows.push([label, `${formatDuration(view.elapsedMs)} so far`]);
    return rows.map((row) => `${view.phase}: ${row.join(', ')}`);
  }
  return rows.map((row) => `${view.phase}: ${row.filter((part) => part !== '').join(' ')}`);
}
