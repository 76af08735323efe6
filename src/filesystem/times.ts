import type { Moment } from './posix.ts';

/**
 * Times as restic writes them: RFC 3339, nanoseconds with trailing zeros cut, in the zone of this machine (`Z` where
 * that is UTC), because Go's time.Unix is local. Years outside 0 to 9999 are brought to the nearest (restic's FixTime).
 */
export function formatTime({ seconds, nanoseconds }: Moment): string {
  const { date, zone } = formatSecond(seconds);
  if (nanoseconds === 0) return date + zone;
  const digits = String(nanoseconds + 1_000_000_000).slice(1);
  // Most files have all nine digits: no regular expression for them.
  return `${date}.${digits.endsWith('0') ? digits.replace(/0+$/, '') : digits}${zone}`;
}

/** Files of one folder are often of the same second, and calendar arithmetic is slow. */
const formatted = new Map<number, { date: string; zone: string }>();
const maxFormatted = 10_000;

function formatSecond(seconds: number): { date: string; zone: string } {
  const known = formatted.get(seconds);
  if (known !== undefined) return known;
  const date = new Date(clampSeconds(seconds) * 1000);
  const offsetMinutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offsetMinutes * 60_000);
  const year = local.getUTCFullYear();
  if (year > 9999) local.setUTCFullYear(9999);
  if (year < 0) local.setUTCFullYear(0);
  const result = { date: local.toISOString().slice(0, 19), zone: formatZone(offsetMinutes) };
  if (formatted.size >= maxFormatted) formatted.clear();
  formatted.set(seconds, result);
  return result;
}

/** What a JavaScript Date can hold. */
const clampSeconds = (seconds: number): number =>
  Math.max(-8.64e12 + 86_400, Math.min(8.64e12 - 86_400, seconds));

function formatZone(offsetMinutes: number): string {
  if (offsetMinutes === 0) return 'Z';
  const minutes = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '-' : '+'}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** The inverse, for any zone. The text must have the form that decodeTree lets through. */
export function parseTime(text: string): Moment {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  return {
    seconds: Date.parse(text.slice(0, 19) + text.slice(19).replace(/^\.\d+/, '')) / 1000,
    nanoseconds: Number(fraction.padEnd(9, '0')),
  };
}

/** Whether a stored time means this moment, whatever zone it was written in. */
export function isSameTime(moment: Moment, stored: string): boolean {
  if (formatTime(moment) === stored) return true;
  const parsed = parseTime(stored);
  return parsed.seconds === moment.seconds && parsed.nanoseconds === moment.nanoseconds;
}

/** Since 1970. */
export function toNanoseconds({ seconds, nanoseconds }: Moment): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}
