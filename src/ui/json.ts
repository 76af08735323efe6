import type { Event } from '../events.ts';
import { errorDocument } from './error.ts';
import type { Renderer, RendererContext } from './renderer.ts';

const progressEveryMs = 500;

type Progress = Extract<Event, { type: 'progress' }>;

/**
 * JSON lines on stdout: `{"type":…,"time":RFC 3339,…}` for each event, and at the end exactly one `result` or `error`.
 * `progress` comes at most twice a second for each phase, and its last one before the phase ends always comes.
 */
export function createJson({ stdout, verbose, now }: RendererContext): Renderer {
  const heldBack = new Map<string, Progress>();
  const progressAtMs = new Map<string, number>();
  let ended = false;

  const write = (document: object) => stdout.write(`${JSON.stringify(document, bigintAsNumber)}\n`);
  const writeEvent = (event: Event) => {
    const { type, ...rest } = event;
    write({ type, time: new Date(now()).toISOString(), ...rest });
  };

  function flush(phase: string) {
    const event = heldBack.get(phase);
    heldBack.delete(phase);
    if (event) writeEvent(event);
  }

  function progress(event: Progress) {
    if (now() - (progressAtMs.get(event.phase) ?? -Infinity) < progressEveryMs) {
      heldBack.set(event.phase, event);
      return;
    }
    heldBack.delete(event.phase);
    progressAtMs.set(event.phase, now());
    writeEvent(event);
  }

  function end(document: object) {
    if (ended) return;
    for (const phase of Array.from(heldBack.keys())) flush(phase);
    write(document);
    ended = true;
  }

  return {
    event(event) {
      if (ended || (event.type === 'detail' && !verbose)) return;
      if (event.type === 'progress') {
        progress(event);
        return;
      }
      if (event.type === 'phase-end') {
        flush(event.phase);
        progressAtMs.delete(event.phase);
      }
      writeEvent(event);
    },
    result: (value) => end({ type: 'result', ...fieldsOf(value) }),
    error: (error) => end({ type: 'error', ...errorDocument(error) }),
    stop() {
      ended = true;
    },
  };
}

/** A result's own `type` gives way; a list or a single value stands under `value`. */
function fieldsOf(value: unknown): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { value };
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'type'));
}

function bigintAsNumber(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
