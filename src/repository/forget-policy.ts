import {
  isoWeekOf,
  nanosecondsBefore,
  nanosecondsOf,
  wallClockOf,
  type Span,
  type WallClock,
} from './moment.ts';
import type { StoredSnapshot } from './types.ts';

/** What to keep of a row of snapshots; `Infinity` keeps all of a kind. Whatever any rule keeps is kept. */
export interface KeepPolicy {
  last?: number;
  hourly?: number;
  daily?: number;
  weekly?: number;
  monthly?: number;
  yearly?: number;
  /** All that are younger than this, counted from the newest one that is not in the future. */
  within?: Span;
  /** Those that carry all tags of one of these lists. */
  tags?: readonly (readonly string[])[];
}

export interface PolicyResult {
  /** Newest first, each with the rules that keep it. */
  keep: { snapshot: StoredSnapshot; reasons: string[] }[];
  remove: StoredSnapshot[];
}

interface Rule {
  name: string;
  left: number;
  /** What it keeps one of: the same for all snapshots of an hour, of a day … */
  periodOf: (snapshot: StoredSnapshot, nth: number) => number;
  period: number;
}

/**
 * restic's policy, rule by rule: of each hour (day, week …) that has snapshots the newest, for the last so many hours that
 * have some; and the oldest of all while a rule has some left to give. Hours and days are those of the time zone that a
 * snapshot's time is written in. Weeks are ISO 8601's.
 */
export function applyPolicy(
  snapshots: readonly StoredSnapshot[],
  policy: KeepPolicy,
  nowMs: number,
): PolicyResult {
  const newestFirst = snapshots
    .map((snapshot) => ({ snapshot, at: nanosecondsOf(snapshot.time) }))
    .toSorted((a, b) => (a.at === b.at ? 0 : a.at < b.at ? 1 : -1));
  const now = BigInt(nowMs) * 1_000_000n;
  const latest = newestFirst.find(({ at }) => at < now);
  const since = policy.within && latest ? nanosecondsBefore(latest.snapshot.time, policy.within) : undefined;
  const rules = rulesOf(policy);
  const result: PolicyResult = { keep: [], remove: [] };
  for (const [nth, { snapshot, at }] of newestFirst.entries()) {
    const reasons: string[] = [];
    for (const tags of policy.tags ?? [])
      if (tags.every((tag) => snapshot.tags?.includes(tag))) reasons.push(`tag ${tags.join(',')}`);
    if (policy.within && (since === undefined || at > since)) reasons.push('within');
    const isOldest = nth === newestFirst.length - 1;
    for (const rule of rules) {
      const period = rule.periodOf(snapshot, nth);
      if (rule.left <= 0 || (period === rule.period && !isOldest)) continue;
      rule.period = period;
      rule.left -= 1;
      reasons.push(rule.name);
    }
    if (reasons.length > 0) result.keep.push({ snapshot, reasons });
    else result.remove.push(snapshot);
  }
  return result;
}

const clock = (of: (clock: WallClock) => number) => (snapshot: StoredSnapshot) =>
  of(wallClockOf(snapshot.time));

function rulesOf(policy: KeepPolicy): Rule[] {
  const rules: [string, number | undefined, Rule['periodOf']][] = [
    ['last', policy.last, (_, nth) => nth],
    [
      'hourly',
      policy.hourly,
      clock(({ year, month, day, hour }) => ((year * 100 + month) * 100 + day) * 100 + hour),
    ],
    ['daily', policy.daily, clock(({ year, month, day }) => (year * 100 + month) * 100 + day)],
    [
      'weekly',
      policy.weekly,
      clock((day) => {
        const { year, week } = isoWeekOf(day);
        return year * 100 + week;
      }),
    ],
    ['monthly', policy.monthly, clock(({ year, month }) => year * 100 + month)],
    ['yearly', policy.yearly, clock(({ year }) => year)],
  ];
  return rules.map(([name, left = 0, periodOf]) => ({ name, left, periodOf, period: -1 }));
}

/** Whether it keeps nothing by any rule: then nothing was asked for, and nothing may go. */
export function isEmptyPolicy({ within, tags = [], ...counts }: KeepPolicy): boolean {
  return within === undefined && tags.length === 0 && Object.values(counts).every((count) => !count);
}
