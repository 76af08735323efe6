import type { Progress } from '../events.ts';
import { formatBytes, formatCount, formatRate, formatRough } from './format.ts';

/** What is known of the running phases, fed by events and read by the renderers. Pure: the clock is handed in. */
export interface Tracker {
  start(phase: string, title: string): void;
  progress(event: Progress): void;
  /** Forgets the phase; returns its title. */
  end(phase: string): string;
  running(): PhaseView[];
}

export interface PhaseView {
  phase: string;
  title: string;
  elapsedMs: number;
  /** The file or table in hand. */
  label: string | undefined;
  /** The phase's own counts, where it has some. */
  counts: Counts | undefined;
  /** Those of each source at work inside it, in the order they began. */
  items: SourceView[];
}

export interface SourceView {
  name: string;
  /** The file or table in hand. */
  label: string | undefined;
  counts: Counts;
}

export interface Counts {
  doneBytes: number | undefined;
  totalBytes: number | undefined;
  doneItems: number | undefined;
  totalItems: number | undefined;
  /** Undefined until it has been watched for long enough to be worth saying. */
  bytesPerSecond: number | undefined;
  /** Undefined while total or rate are unknown. */
  leftMs: number | undefined;
}

/** A rate is an average that forgets what is older than about this. */
const smoothingMs = 5000;
const watchAtLeastMs = 1500;
const sampleEveryMs = 250;

interface Track {
  last: Progress;
  firstAtMs: number;
  sampledAtMs: number;
  sampledBytes: number;
  bytesPerSecond: number | undefined;
}

interface RunningPhase {
  title: string;
  startedAtMs: number;
  label: string | undefined;
  own: Track | undefined;
  items: Map<string, Track>;
}

export function createTracker(now: () => number): Tracker {
  const phases = new Map<string, RunningPhase>();

  function start(phase: string, title: string): RunningPhase {
    const running: RunningPhase = {
      title,
      startedAtMs: now(),
      label: undefined,
      own: undefined,
      items: new Map(),
    };
    phases.set(phase, running);
    return running;
  }

  return {
    start,
    progress(event) {
      // Progress of a phase that nobody announced is still worth showing.
      const running = phases.get(event.phase) ?? start(event.phase, event.phase);
      record(running, event, now());
    },
    end(phase) {
      const title = phases.get(phase)?.title ?? phase;
      phases.delete(phase);
      return title;
    },
    running: () => [...phases].map(([phase, running]) => viewOf(phase, running, now())),
  };
}

function record(running: RunningPhase, event: Progress, nowMs: number): void {
  const { item, file } = event;
  const counted = event.doneBytes !== undefined || event.doneItems !== undefined;
  if (item !== undefined && counted) {
    running.items.set(item, advance(running.items.get(item), event, nowMs));
    return;
  }
  running.label = file ?? item ?? running.label;
  if (counted) running.own = advance(running.own, event, nowMs);
}

function advance(track: Track | undefined, event: Progress, nowMs: number): Track {
  const bytes = event.doneBytes ?? 0;
  // Counts that go back are a new beginning: a retry, or the next pass over the same source.
  if (track === undefined || bytes < (track.last.doneBytes ?? 0)) {
    return {
      last: event,
      firstAtMs: nowMs,
      sampledAtMs: nowMs,
      sampledBytes: bytes,
      bytesPerSecond: undefined,
    };
  }
  track.last = event;
  sample(track, nowMs);
  return track;
}

/** Also called when nothing came in: a stalled transfer's rate sinks. */
function sample(track: Track, nowMs: number): void {
  const passedMs = nowMs - track.sampledAtMs;
  if (passedMs < sampleEveryMs) return;
  const bytes = track.last.doneBytes ?? 0;
  const latest = ((bytes - track.sampledBytes) / passedMs) * 1000;
  const weight = 1 - Math.exp(-passedMs / smoothingMs);
  track.bytesPerSecond =
    track.bytesPerSecond === undefined
      ? latest
      : track.bytesPerSecond + weight * (latest - track.bytesPerSecond);
  track.sampledAtMs = nowMs;
  track.sampledBytes = bytes;
}

function viewOf(phase: string, running: RunningPhase, nowMs: number): PhaseView {
  return {
    phase,
    title: running.title,
    elapsedMs: nowMs - running.startedAtMs,
    label: running.label,
    counts: running.own && countsOf(running.own, nowMs),
    items: [...running.items]
      .filter(([, track]) => !isFinished(track.last))
      .map(([name, track]) => ({ name, label: track.last.file, counts: countsOf(track, nowMs) })),
  };
}

function isFinished({ doneBytes, totalBytes, doneItems, totalItems }: Progress): boolean {
  if (totalBytes !== undefined) return doneBytes !== undefined && doneBytes >= totalBytes;
  return totalItems !== undefined && doneItems !== undefined && doneItems >= totalItems;
}

function countsOf(track: Track, nowMs: number): Counts {
  sample(track, nowMs);
  const { doneBytes, totalBytes, doneItems, totalItems } = track.last;
  const watched = nowMs - track.firstAtMs >= watchAtLeastMs && doneBytes !== undefined;
  const bytesPerSecond = watched ? track.bytesPerSecond : undefined;
  return {
    doneBytes,
    totalBytes,
    doneItems,
    totalItems,
    bytesPerSecond,
    leftMs: timeLeft(doneBytes, totalBytes, bytesPerSecond),
  };
}

function timeLeft(
  doneBytes: number | undefined,
  totalBytes: number | undefined,
  bytesPerSecond: number | undefined,
): number | undefined {
  if (doneBytes === undefined || totalBytes === undefined || bytesPerSecond === undefined) return undefined;
  if (doneBytes >= totalBytes) return undefined;
  const leftMs = ((totalBytes - doneBytes) / bytesPerSecond) * 1000;
  // A stalled transfer will not be done "in 3,000 days": that is not known.
  return Number.isFinite(leftMs) && leftMs > 0 && leftMs < 100 * 3_600_000 ? leftMs : undefined;
}

/** `412.0 MiB of 1.1 GiB, 88.1 MiB/s, 8 s left`, as much of it as is known; empty when nothing is. */
export function describeCounts(counts: Counts): string {
  const parts = [];
  const { doneBytes, totalBytes, doneItems, totalItems } = counts;
  if (doneBytes !== undefined) parts.push(ofTotal(formatBytes(doneBytes), totalBytes, formatBytes));
  if (doneItems !== undefined && (doneBytes === undefined || totalItems !== undefined)) {
    parts.push(ofTotal(formatCount(doneItems), totalItems, formatCount));
  }
  if (counts.bytesPerSecond !== undefined) parts.push(formatRate(counts.bytesPerSecond));
  if (counts.leftMs !== undefined) parts.push(`${formatRough(Math.max(1000, counts.leftMs))} left`);
  return parts.join(', ');
}

function ofTotal(done: string, total: number | undefined, format: (count: number) => string): string {
  return total === undefined ? done : `${done} of ${format(total)}`;
}
