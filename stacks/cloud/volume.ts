import type { DeployRequest, Finding } from '../target.ts';
import { ok, refused } from './findings.ts';

const gigabyte = 1_000_000_000;
/** A database takes more than its dump, and the app goes on growing. */
const growth = 2;
/** Logs, packages' caches, and what databases write ahead. */
const reserveGigabytes = 5;

export interface VolumeLimits {
  /** Whole gigabytes. */
  smallest: number;
  largest: number;
}

/** Pure: how large a volume is made, in whole gigabytes: twice the data and a reserve, unless the options say. */
export function volumeGigabytes(
  { sizeBytes }: Pick<DeployRequest, 'sizeBytes'>,
  { smallest, largest }: VolumeLimits,
  given?: number,
): number {
  if (given !== undefined) return Math.max(given, smallest);
  const needed = Math.ceil(sizeBytes / gigabyte);
  const wanted = needed * growth + reserveGigabytes;
  // Better tight than not at all.
  return Math.max(smallest, needed + reserveGigabytes > largest ? wanted : Math.min(wanted, largest));
}

export function volumeFinding(
  { sizeBytes }: Pick<DeployRequest, 'sizeBytes'>,
  limits: VolumeLimits,
  given?: number,
): Finding {
  const gigabytes = volumeGigabytes({ sizeBytes }, limits, given);
  const needed = Math.ceil(sizeBytes / gigabyte);
  if (gigabytes > limits.largest) {
    return refused(
      'volume',
      `The snapshot’s ${needed} GB need a volume of ${gigabytes} GB, and the largest here has ${limits.largest} GB`,
      'Choose a target with larger volumes, or a host of your own with the target ssh.',
    );
  }
  if (gigabytes < needed + 1) {
    return refused(
      'volume',
      `A volume of ${gigabytes} GB is too small for the snapshot’s ${needed} GB`,
      'Ask for a larger one in the target’s options, or leave it out.',
    );
  }
  return ok('volume', `a volume of ${gigabytes} GB for ${needed} GB of data`);
}
