import type { Emit, Event } from '../../events.ts';

/** So many times a second a person sees a number change, and no more often is worth a frame. */
const everyMs = 100;

/** Progress is cumulative: of counts that follow each other quickly only the last is passed on. All else goes at once, after them. */
export function quieter(emit: Emit): { emit: Emit; flush: () => void } {
  const waiting = new Map<string, Event>();
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    for (const event of waiting.values()) emit(event);
    waiting.clear();
  };
  return {
    emit(event) {
      if (event.type !== 'progress') {
        flush();
        emit(event);
        return;
      }
      waiting.set(`${event.phase}/${event.item ?? ''}`, event);
      timer ??= setTimeout(flush, everyMs);
    },
    flush,
  };
}
