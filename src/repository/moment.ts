/** An RFC 3339 time in nanoseconds since 1970: JavaScript's dates end at milliseconds. */
export function nanosecondsOf(time: string): bigint {
  const seconds = BigInt(Math.floor(Date.parse(time) / 1000));
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? '';
  return seconds * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** The date and hour as they are written, in the time zone that is written. */
export interface WallClock {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
}

export function wallClockOf(time: string): WallClock {
  const [, year, month, day, hour] = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)/.exec(time) ?? [];
  return { year: Number(year), month: Number(month), day: Number(day), hour: Number(hour) };
}

/** The week that ISO 8601 counts a day in, and the year that week belongs to: that of its Thursday. */
export function isoWeekOf({ year, month, day }: WallClock): { year: number; week: number } {
  const date = new Date(Date.UTC(year, month - 1, day));
  const thursday = new Date(date);
  thursday.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7));
  const weekYear = thursday.getUTCFullYear();
  const days = (thursday.getTime() - Date.UTC(weekYear, 0, 1)) / 86_400_000;
  return { year: weekYear, week: Math.floor(days / 7) + 1 };
}

/** A span as restic writes it: calendar years and months, not so many hours. */
export interface Span {
  years: number;
  months: number;
  days: number;
  hours: number;
}

const spanFields = new Map<string, keyof Span>([
  ['y', 'years'],
  ['m', 'months'],
  ['d', 'days'],
  ['h', 'hours'],
]);

/** `1y5m7d2h`, any of them; undefined for what is none. */
export function parseSpan(text: string): Span | undefined {
  if (!/^(?:\d+[ymdh])+$/.test(text)) return undefined;
  const span: Span = { years: 0, months: 0, days: 0, hours: 0 };
  for (const [, count, unit = 'h'] of text.matchAll(/(\d+)([ymdh])/g))
    span[spanFields.get(unit) ?? 'hours'] = Number(count);
  return span;
}

/** The moment a span before a time, by the calendar of its time zone: 31 March less a month is 3 March, as in Go. */
export function nanosecondsBefore(time: string, { years, months, days, hours }: Span): bigint {
  const [, date, clock] = /^(.*?)T(\d\d:\d\d:\d\d)/.exec(time) ?? [];
  const local = new Date(`${date}T${clock}Z`);
  const moved = new Date(local);
  moved.setUTCFullYear(
    local.getUTCFullYear() - years,
    local.getUTCMonth() - months,
    local.getUTCDate() - days,
  );
  const movedMs = local.getTime() - moved.getTime() + hours * 3_600_000;
  return nanosecondsOf(time) - BigInt(movedMs) * 1_000_000n;
}
