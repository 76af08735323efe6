import type { Ora } from 'ora';
import type { Event } from '../events.ts';
import { renderError } from './error.ts';
import { displayWidth, formatDuration, sanitise, truncateEnd, truncateMiddle } from './format.ts';
import { warningLine } from './lines.ts';
import { painter, type Paint } from './paint.ts';
import { createTracker, describeCounts, type PhaseView } from './progress.ts';
import { columnsOf, type Renderer, type RendererContext } from './renderer.ts';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const drawEveryMs = 100;
const maxLiveLines = 8;
/** A phase that counts nothing shows for how long it has been at work, once that is worth a look. */
const showElapsedAfterMs = 3000;

/** Live lines below, one a running phase and one a source at work in it; finished phases and warnings stay above. */
export function createTerminal({ stderr, color, verbose, now }: RendererContext): Renderer {
  const tracker = createTracker(now);
  const paint = painter(color);
  let spinner: Ora | undefined;
  let loading = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const persist = (line: string) => {
    // While it spins, ora lifts its lines out of the way of whatever is written.
    if (!stopped) stderr.write(`${line}\n`);
  };

  function draw() {
    const lines = liveLines(
      tracker.running(),
      { columns: columnsOf(stderr) - 3, rows: stderr.rows ?? 24 },
      paint,
    );
    if (stopped || lines.length === 0) {
      pause();
      return;
    }
    if (spinner === undefined) {
      void load();
      return;
    }
    spinner.text = lines.join('\n');
    spinner.start();
    timer ??= setInterval(draw, drawEveryMs).unref();
  }

  async function load() {
    if (loading) return;
    loading = true;
    const { default: ora } = await import('ora');
    spinner = ora({
      stream: stderr,
      isEnabled: true,
      color: false,
      // Raw mode would take Ctrl-C away from the kernel's hands.
      discardStdin: false,
      spinner: { interval: drawEveryMs, frames: frames.map((frame) => paint('cyan', frame)) },
    });
    draw();
  }

  function pause() {
    clearInterval(timer);
    timer = undefined;
    if (spinner?.isSpinning) spinner.stop();
  }

  return {
    event(event: Event) {
      if (stopped) return;
      switch (event.type) {
        case 'phase-start':
          tracker.start(event.phase, event.title);
          draw();
          break;
        case 'phase-end': {
          const title = tracker.end(event.phase);
          // The line of a phase that is done must not be drawn once more below it.
          draw();
          persist(finishedLine(event, title, columnsOf(stderr), paint));
          break;
        }
        case 'progress':
          tracker.progress(event);
          if (timer === undefined) draw();
          break;
        case 'warning':
          persist(warningLine(event, paint));
          break;
        case 'note':
          persist(sanitise(event.message));
          break;
        case 'detail':
          if (verbose) persist(paint('dim', sanitise(event.message)));
          break;
      }
    },
    result: pause,
    error(error) {
      pause();
      stderr.write(`${renderError(error, { color, verbose, width: columnsOf(stderr) })}\n`);
    },
    stop() {
      stopped = true;
      pause();
    },
  };
}

/** `✔ restoring  2 min 03 s  96.4 MiB` */
function finishedLine(
  { outcome, durationMs, detail }: Extract<Event, { type: 'phase-end' }>,
  title: string,
  columns: number,
  paint: Paint,
): string {
  const mark = { done: paint('green', '✔'), failed: paint('red', '✖'), skipped: paint('dim', '–') }[outcome];
  const time = outcome === 'skipped' ? 'skipped' : formatDuration(durationMs);
  const tail = truncateEnd(detail === undefined ? time : `${time}  ${sanitise(detail)}`, columns - 4);
  const head = truncateMiddle(sanitise(title), Math.max(12, columns - 4 - displayWidth(tail)));
  return `${mark} ${head}  ${paint('dim', truncateEnd(tail, columns - 4 - displayWidth(head)))}`;
}

/** The lines below the finished ones, none wider than `columns`. The first is drawn behind the spinner's frame. */
export function liveLines(
  phases: readonly PhaseView[],
  { columns, rows }: { columns: number; rows: number },
  paint: Paint,
): string[] {
  const lines = phases.flatMap((phase, index) => {
    const head = index === 0 ? '' : `${paint('cyan', '⠿')} `;
    const text = phaseLine(phase, columns - (index === 0 ? 0 : 2), paint);
    const items = phase.items.map(
      ({ name, label, counts }) =>
        `  ${withTail(named(name, label), describeCounts(counts), columns - 2, paint)}`,
    );
    return [head + text, ...items];
  });
  const room = Math.max(1, Math.min(maxLiveLines, rows - 2));
  if (lines.length <= room) return lines;
  return [...lines.slice(0, room - 1), paint('dim', `  … and ${lines.length - room + 1} more`)].slice(
    0,
    room,
  );
}

function phaseLine(
  { title, label, counts, elapsedMs, items }: PhaseView,
  columns: number,
  paint: Paint,
): string {
  if (counts !== undefined) return withTail(named(title, label), describeCounts(counts), columns, paint);
  const elapsed = items.length === 0 && elapsedMs >= showElapsedAfterMs ? formatDuration(elapsedMs) : '';
  return withTail(named(title, label), elapsed, columns, paint);
}

function named(name: string, label: string | undefined): string {
  return label === undefined ? sanitise(name) : `${sanitise(name)}  ${sanitise(label)}`;
}

/** The tail says how far it is: the head is shortened first. */
function withTail(head: string, tail: string, columns: number, paint: Paint): string {
  if (tail === '') return truncateMiddle(head, columns);
  const headRoom = columns - displayWidth(tail) - 2;
  if (headRoom < 8) return truncateEnd(`${truncateMiddle(head, 8)}  ${tail}`, columns);
  return `${truncateMiddle(head, headRoom)}  ${paint('dim', tail)}`;
}
