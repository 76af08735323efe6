import type { Snapshot, StoredSnapshot } from './types.ts';

/**
 * Whether one snapshot is a copy of another, as restic decides it: both go back to the same first snapshot, and nothing
 * but `parent` and `original` differs, so that one whose tags were changed since is another one.
 */
export function isSameSnapshot(a: StoredSnapshot, b: StoredSnapshot): boolean {
  const first = a.original ?? a.id;
  if (b.original !== first && b.id !== first) return false;
  return (
    momentOf(a) === momentOf(b) &&
    a.tree === b.tree &&
    (a.hostname ?? '') === (b.hostname ?? '') &&
    (a.username ?? '') === (b.username ?? '') &&
    (a.uid ?? 0) === (b.uid ?? 0) &&
    (a.gid ?? 0) === (b.gid ?? 0) &&
    sameSet(a.paths, b.paths) &&
    sameSet(a.tags ?? [], b.tags ?? []) &&
    (a.excludes ?? []).join('\0') === (b.excludes ?? []).join('\0')
  );
}

/** To the nanosecond, however its time zone and its zeros are written. */
function momentOf({ time }: Snapshot): string {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? '';
  return `${Math.floor(Date.parse(time) / 1000)}.${fraction.padEnd(9, '0')}`;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}
