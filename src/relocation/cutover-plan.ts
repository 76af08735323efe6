import type { Dns } from '../app/app.ts';
import { describeSets, plainAddress, sortSets, typeOf } from '../dns/names.ts';
import type { RecordSet } from '../dns/zone.ts';
import { RelocateError } from '../errors.ts';
import type { Cutover, MovedName } from './cutover-record.ts';

/** Pure: what names have, are to have, and had. */

export const setsOf = (sets: readonly RecordSet[], name: string): RecordSet[] =>
  sets.filter((set) => set.name === name);

/** A cutover that stopped half-way: what it found when it began is still what was there before. */
export function isOpen({ state }: Cutover): boolean {
  return ['preparing', 'prepared', 'switching', 'returning'].includes(state);
}

/**
 * What a name had before all changes that are under way, and how long its answers are usually kept. Where nothing but
 * times to live was changed, or `force` is said, what somebody else put there since is what it had before.
 */
export function originOf(
  name: string,
  now: readonly RecordSet[],
  last: Cutover | undefined,
  force: boolean,
): Omit<MovedName, 'name' | 'after'> {
  const known = last?.names.find((one) => one.name === name);
  const before = setsOf(now, name);
  if (last !== undefined && known !== undefined && isOpen(last)) {
    const { usualTtlSeconds, passing = [] } = known;
    const mayBeNew = force || last.state === 'prepared' || last.state === 'preparing';
    if (isOurs(before, known) || !mayBeNew)
      return { before: known.before, usualTtlSeconds, passing: unique([...passing, ...known.after]) };
  }
  const isShort = known !== undefined && ['switched', 'done', 'settling'].includes(last?.state ?? '');
  return { before, usualTtlSeconds: isShort ? known.usualTtlSeconds : longestTtl(before) };
}

function unique(sets: readonly RecordSet[]): RecordSet[] {
  return [...new Map(sets.map((set) => [JSON.stringify(set), set])).values()];
}

export function longestTtl(sets: readonly RecordSet[]): number {
  return Math.max(0, ...sets.map(({ ttlSeconds }) => ttlSeconds));
}

/** The same answers, to be kept for no longer than that. */
export function lowered(sets: readonly RecordSet[], ttlSeconds: number): RecordSet[] {
  return sets.map((set) =>
    set.hidden === true ? set : { ...set, ttlSeconds: Math.min(set.ttlSeconds, ttlSeconds) },
  );
}

/**
 * What the name is to have, so that it leads to these addresses. A name that leads to another of the app's names is
 * left to follow that one.
 */
export function afterwards(
  name: string,
  before: readonly RecordSet[],
  addresses: readonly string[],
  dns: Pick<Dns, 'names' | 'ttlSeconds' | 'zone'>,
): RecordSet[] {
  const [alias] = before.filter(({ type }) => type === 'CNAME');
  const follows = alias?.values.some((value) => value !== name && dns.names.includes(value)) ?? false;
  if (follows) return [...before];
  const groups = Map.groupBy(addresses.map(plainAddress), typeOf);
  if (groups.has('CNAME') && name === dns.zone) {
    throw new RelocateError(
      'cutover-refused',
      `The target is reached by a name, and ${name} is a zone, which must have addresses.`,
      { facts: { name, target: addresses[0] }, hint: 'Nothing was changed. Leave it out of “names”.' },
    );
  }
  const sets = [...groups].map(([type, values]) => ({
    name,
    type,
    ttlSeconds: dns.ttlSeconds,
    values: [...new Set(values)].toSorted(),
  }));
  return sortSets(sets);
}

/**
 * Whether all that a name has is what it was or what it is to become, also half of each, as an interrupted change leaves
 * it where a provider changes records one by one.
 */
export function isOurs(now: readonly RecordSet[], { before, after, passing = [] }: MovedName): boolean {
  const known = new Set([...before, ...after, ...passing].flatMap(keysOf));
  if (now.length === 0) return before.length === 0 || after.length === 0 || isSwap(before, after);
  return now.flatMap(keysOf).every((key) => known.has(key));
}

function keysOf({ type, values, settings }: RecordSet): string[] {
  return values.length === 0
    ? [`${type} ${JSON.stringify(settings ?? {})}`]
    : values.map((value) => `${type} ${value}`);
}

function isSwap(before: readonly RecordSet[], after: readonly RecordSet[]): boolean {
  return hasAlias(before) !== hasAlias(after);
}

function hasAlias(sets: readonly RecordSet[]): boolean {
  return sets.some(({ type }) => type === 'CNAME');
}

export function foreign(name: string, now: readonly RecordSet[], moved: MovedName): RelocateError {
  return new RelocateError('dns-changed', `Somebody else changed ${name}: it has ${describeSets(now)}.`, {
    facts: {
      name,
      now: describeSets(now),
      before: describeSets(moved.before),
      after: describeSets(moved.after),
    },
    hint: `This name was not touched. Look at it; to overwrite it, add --force. Before the cutover it had ${describeSets(moved.before)}.`,
  });
}

/** When no cache can have the old answers any more. */
export function cachesUntil({ names, loweredAt, dns }: Cutover, seenAt: Date): Date {
  const changed = names.filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
  const ends = changed.map(({ before }) => {
    const wholeMs = longestTtl(before) * 1000;
    const shortMs = longestTtl(lowered(before, dns.ttlSeconds)) * 1000;
    if (loweredAt === undefined) return seenAt.getTime() + wholeMs;
    // Until the times to live were short everywhere, caches took the old one; after that, the short one.
    return Math.max(Math.min(Date.parse(loweredAt), seenAt.getTime()) + wholeMs, seenAt.getTime() + shortMs);
  });
  return new Date(Math.max(seenAt.getTime(), ...ends));
}
