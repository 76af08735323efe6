import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { type RecordSet, type RecordType, recordTypes } from './zone.ts';

/** Pure: names and addresses in the one writing in which they can be compared. */

/** Lowercase, without the final dot. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Of an address or a name, as a record of that type has it. */
export function plainValue(type: RecordType, value: string): string {
  if (type === 'CNAME') return plainName(value);
  return type === 'AAAA' && isIPv6(value) ? plainAddress(value) : value;
}

/** `2001:DB8:0:0::1` is `2001:db8::1`. */
export function plainAddress(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

/** The type of record that leads to it. */
export function typeOf(target: string): RecordType {
  if (isIPv4(target)) return 'A';
  return isIPv6(target) ? 'AAAA' : 'CNAME';
}

export function isInZone(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

/** `www` for www.example.com in example.com, `@` for the zone itself, as most providers write it. */
export function relativeName(name: string, zone: string): string {
  return name === zone ? '@' : name.slice(0, -zone.length - 1);
}

export function absoluteName(relative: string, zone: string): string {
  return relative === '@' || relative === '' ? zone : `${plainName(relative)}.${zone}`;
}

export function isRecordType(type: string): type is RecordType {
  return recordTypes.some((one) => one === type);
}

/** Pure: records that a provider keeps one by one, as sets. The time to live is that of the first of each. */
export function groupIntoSets(
  records: readonly (Pick<RecordSet, 'name' | 'type' | 'ttlSeconds'> & { value: string })[],
): RecordSet[] {
  const groups = Map.groupBy(records, ({ name, type }) => `${name} ${type}`);
  return sortSets(
    [...groups.values()].flatMap(([first, ...others]) => {
      if (first === undefined) return [];
      const { name, type, ttlSeconds } = first;
      return [{ name, type, ttlSeconds, values: [first, ...others].map(({ value }) => value).toSorted() }];
    }),
  );
}

/** Sorted by name and type, so that two lists of the same are equal. */
export function sortSets(sets: readonly RecordSet[]): RecordSet[] {
  return sets.toSorted((a, b) => compare(a.name, b.name) || compare(a.type, b.type));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** The same answers, for the same time. What only the provider understands does not count. */
export function sameSets(a: readonly RecordSet[], b: readonly RecordSet[]): boolean {
  return textOf(a, true) === textOf(b, true);
}

/** The same answers, however long they may be kept. */
export function sameAnswers(a: readonly RecordSet[], b: readonly RecordSet[]): boolean {
  return textOf(a, false) === textOf(b, false);
}

function textOf(sets: readonly RecordSet[], withTtl: boolean): string {
  return JSON.stringify(
    sortSets(sets).map(({ name, type, ttlSeconds, values, hidden, settings }) => [
      name,
      type,
      withTtl ? ttlSeconds : 0,
      values.toSorted(),
      // Nothing else tells one alias from another.
      hidden === true && values.length === 0 ? settings : undefined,
    ]),
  );
}

/** Which sets are new or different, and which go, in an order in which the name always has an answer. */
export function differences(
  before: readonly RecordSet[],
  after: readonly RecordSet[],
): { put: RecordSet[]; remove: RecordSet[]; isSwap: boolean } {
  const remove = before.filter(({ type }) => !after.some((set) => set.type === type));
  const put = after.filter(
    (set) =>
      !sameSets(
        [set],
        before.filter(({ type }) => type === set.type),
      ),
  );
  const isSwap =
    put.length > 0 &&
    remove.length > 0 &&
    put.some(({ type }) => type === 'CNAME') !== remove.some(({ type }) => type === 'CNAME');
  return { put, remove, isSwap };
}

/** `198.51.100.7 (60 s)` */
export function describeSets(sets: readonly RecordSet[]): string {
  if (sets.length === 0) return 'nothing';
  return sets
    .map(({ type, values, ttlSeconds }) => `${type} ${values.join(', ') || '(alias)'} (TTL ${ttlSeconds} s)`)
    .join(', ');
}

export interface ServerAddress {
  host: string;
  port: number;
}

/** `host`, `host:port`, an address, or `[IPv6]:port`; port 53 where none is said. */
export function parseServer(text: string): ServerAddress {
  if (isIPv6(text)) return { host: text, port: 53 };
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  return { host: match?.[1] ?? match?.[2] ?? text, port: Number(match?.[3] ?? 53) };
}
