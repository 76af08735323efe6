/**
 * What stages say while they work. Stages call `emit`; terminal, plain and JSON renderers subscribe (src/ui).
 * A stage never draws, and a renderer never decides.
 */
export type Event =
  | { type: 'phase-start'; phase: string; title: string }
  | {
      type: 'phase-end';
      phase: string;
      durationMs: number;
      outcome: 'done' | 'failed' | 'skipped';
      detail?: string;
    }
  | Progress
  /** Something the person must know of, though the work goes on; `code` is stable. */
  | { type: 'warning'; code: string; message: string; item?: string }
  /** A fact worth a line of its own ("serving on http://…"). */
  | { type: 'note'; message: string }
  /** Shown with `-v` only. */
  | { type: 'detail'; message: string };

/** Cumulative counts of one phase (and of one source inside it); totals are absent while unknown. */
export interface Progress {
  type: 'progress';
  phase: string;
  /** The source at work: counts are then its own, and sources at work side by side are told apart. */
  item?: string;
  /** The file or table in hand now; it has no counts of its own. */
  file?: string;
  doneBytes?: number;
  totalBytes?: number;
  doneItems?: number;
  totalItems?: number;
}

export type Emit = (event: Event) => void;

export const silent: Emit = () => {};

/** Adds what is to be done in all, where the one who counts does not know it. Past it, it was wrong and is left out. */
export function withTotal(emit: Emit, totalBytes: number | undefined): Emit {
  if (totalBytes === undefined) return emit;
  return (event) => {
    const fits =
      event.type === 'progress' && event.totalBytes === undefined && (event.doneBytes ?? 0) <= totalBytes;
    emit(fits ? { ...event, totalBytes } : event);
  };
}

/** For what works on one source and counts for it alone, side by side with others. */
export function forSource(emit: Emit, name: string): Emit {
  return (event) => emit(event.type === 'progress' ? { ...event, item: name } : event);
}
