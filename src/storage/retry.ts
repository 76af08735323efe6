import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import type { Storage } from './storage.ts';

const firstDelayMs = 1_000;
const maxDelayMs = 60_000;
/** As long as restic tries. */
const usualPatienceMs = 15 * 60_000;
/** Before the first answer a wrong address is likelier than a server that is away. */
const firstPatienceMs = 2 * 60_000;

export interface RetryOptions {
  emit?: Emit;
  /** Once it aborts nothing is tried again; a first attempt is still made, so that locks can be taken away. */
  signal?: AbortSignal | undefined;
  /** Less patience than usual, where there is somewhere else to turn to. */
  patienceMs?: number;
  clock?: RetryClock;
}

export interface RetryClock {
  nowMs(): number;
  /** Rejects when the signal aborts. */
  sleep(delayMs: number, signal: AbortSignal | undefined): Promise<unknown>;
  /** From 0 to below 1. */
  random(): number;
}

const realClock: RetryClock = {
  nowMs: () => performance.now(),
  sleep: (delayMs, signal) => sleep(delayMs, undefined, signal === undefined ? {} : { signal }),
  random: Math.random,
};

/**
 * Any storage, with each call tried again where its error says that this may help: after growing random delays, for 15
 * minutes in all. Every call of a storage can be made twice. The person hears when trouble begins and when it ends.
 */
export function retrying(
  inner: Storage,
  { emit = silent, signal, patienceMs = usualPatienceMs, clock = realClock }: RetryOptions = {},
): Storage {
  let hasAnswered = false;
  let troubledSinceMs: number | undefined;

  function begunTrouble(error: RelocateError, limitMs: number): void {
    if (troubledSinceMs !== undefined) return;
    troubledSinceMs = clock.nowMs();
    const message = `${error.message} Trying again for up to ${inWords(limitMs)}.`;
    emit({ type: 'warning', code: 'storage-troubled', message });
  }

  function answered(): void {
    hasAnswered = true;
    if (troubledSinceMs === undefined) return;
    const seconds = Math.ceil((clock.nowMs() - troubledSinceMs) / 1000);
    troubledSinceMs = undefined;
    emit({ type: 'note', message: `${inner.url} answers again, after ${seconds} s.` });
  }

  async function persist<T>(call: () => Promise<T>): Promise<T> {
    const begunMs = clock.nowMs();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const result = await call();
        answered();
        return result;
      } catch (error) {
        if (!(error instanceof RelocateError) || !error.retryable) {
          if (error instanceof RelocateError) answered();
          throw error;
        }
        if (signal?.aborted === true) throw error;
        const limitMs = hasAnswered ? patienceMs : Math.min(patienceMs, firstPatienceMs);
        const delayMs = delayBefore(attempt, clock.random());
        if (clock.nowMs() + delayMs - begunMs > limitMs)
          throw exhausted(error, attempt, clock.nowMs() - begunMs);
        begunTrouble(error, limitMs);
        emit({
          type: 'detail',
          message: `${error.message} Attempt ${attempt + 1} in ${Math.ceil(delayMs)} ms.`,
        });
        await clock.sleep(delayMs, signal).catch((cause: unknown) => {
          throw signal?.aborted === true ? signal.reason : cause;
        });
      }
    }
  }

  return {
    url: inner.url,
    savesAtOnce: inner.savesAtOnce,
    initialise: () => persist(() => inner.initialise()),
    save: (file, content) => persist(() => inner.save(file, content)),
    load: (file, range) => persist(() => inner.load(file, range)),
    size: (file) => persist(() => inner.size(file)),
    list: (type) => persist(() => inner.list(type)),
    remove: (file) => persist(() => inner.remove(file)),
    ...(inner.linkTo === undefined ? {} : { linkTo: inner.linkTo.bind(inner) }),
    close: () => inner.close(),
  };
}

const inWords = (ms: number): string =>
  ms < 60_000 ? `${Math.round(ms / 1000)} seconds` : `${Math.round(ms / 60_000)} minutes`;

/** Anything up to twice the last bound, so that many who failed together don’t come back together. */
function delayBefore(attempt: number, random: number): number {
  return random * Math.min(maxDelayMs, firstDelayMs * 2 ** (attempt - 1));
}

function exhausted(error: RelocateError, attempts: number, triedMs: number): RelocateError {
  return new RelocateError(error.code, `${error.message} Given up after ${attempts} attempts.`, {
    facts: { ...error.facts, attempts, triedSeconds: Math.round(triedMs / 1000) },
    hint:
      error.hint ?? 'Everything stored before is sound. Run the same command again; what was stored is used.',
    cause: error,
  });
}
