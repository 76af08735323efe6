import type { Zone } from './state.ts';

/** A zone as a master file (RFC 1035). */
export function zoneText({ name, ttl, rrsets }: Zone): string {
  const soaFirst = rrsets.toSorted((a, b) => Number(b.type === 'SOA') - Number(a.type === 'SOA'));
  const lines = soaFirst.flatMap((one) =>
    one.records.map(({ value }) => [one.name, one.ttl ?? ttl, 'IN', one.type, value].join('\t')),
  );
  return [`$ORIGIN\t${name}.`, `$TTL\t${ttl}`, ...lines, ''].join('\n');
}
