import type { Event } from '../events.ts';
import { formatDuration, sanitise } from './format.ts';
import type { Paint } from './paint.ts';

type PhaseEnd = Extract<Event, { type: 'phase-end' }>;
type Warning = Extract<Event, { type: 'warning' }>;

/** `done in 2 min 03 s, 96.4 MiB stored` */
export function phaseEndLine({ outcome, durationMs, detail }: PhaseEnd): string {
  const words = { done: 'done in', failed: 'failed after', skipped: 'skipped' };
  const time = outcome === 'skipped' ? '' : ` ${formatDuration(durationMs)}`;
  return `${words[outcome]}${time}${detail === undefined ? '' : `, ${sanitise(detail)}`}`;
}

/** The item is named unless the message does so itself. */
export function warningLine({ message, item }: Warning, paint: Paint): string {
  const named = item === undefined || message.includes(item) ? '' : `${sanitise(item)}: `;
  return `${paint('yellow', 'warning:')} ${named}${sanitise(message)}`;
}
