import { setTimeout as sleep } from 'node:timers/promises';
import type { Traffic } from './storage.ts';

/** So many pieces a second, where the rate is low; a higher rate has larger ones, up to what a socket takes. */
const piecesPerSecond = 8;
const minPieceBytes = 512;
const maxPieceBytes = 64 * 1024;
/** What may be made up for after a pause: without it each late wake-up of the timer would be lost for good. */
const burstSeconds = 0.25;

export interface Rates {
  /** Left out where there is no limit. */
  uploadBytesPerSecond?: number | undefined;
  downloadBytesPerSecond?: number | undefined;
}

export interface LimitClock {
  nowMs(): number;
  sleep(delayMs: number): Promise<unknown>;
}

const realClock: LimitClock = { nowMs: () => performance.now(), sleep: (delayMs) => sleep(delayMs) };

/**
 * Holds all that is sent and taken with it, by however many storages at once, to the given rates; undefined where there
 * is nothing to hold. Whoever asks first goes first.
 */
export function limitTraffic(
  { uploadBytesPerSecond, downloadBytesPerSecond }: Rates,
  clock: LimitClock = realClock,
): Traffic | undefined {
  const rates = [uploadBytesPerSecond, downloadBytesPerSecond].filter((rate) => rate !== undefined);
  if (rates.length === 0) return undefined;
  const piece = Math.floor(Math.min(...rates) / piecesPerSecond);
  return {
    pieceBytes: Math.max(minPieceBytes, Math.min(maxPieceBytes, piece)),
    ...(uploadBytesPerSecond === undefined ? {} : { upload: bucket(uploadBytesPerSecond, clock) }),
    ...(downloadBytesPerSecond === undefined ? {} : { download: bucket(downloadBytesPerSecond, clock) }),
  };
}

/** Tokens that drip in at the rate: each caller takes its own at once and waits until they are there. */
function bucket(bytesPerSecond: number, clock: LimitClock): (bytes: number) => Promise<void> {
  let paidUntilMs = -Infinity;
  return async (bytes) => {
    const nowMs = clock.nowMs();
    paidUntilMs = Math.max(paidUntilMs, nowMs - burstSeconds * 1000) + (bytes / bytesPerSecond) * 1000;
    if (paidUntilMs > nowMs) await clock.sleep(paidUntilMs - nowMs);
  };
}
