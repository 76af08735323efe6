import { isSameSnapshot } from '../same-snapshot.ts';
import { byTime } from '../snapshots.ts';
import type { Id, StoredSnapshot } from '../types.ts';

/** The snapshots of one copy. */
export interface CopyListing {
  url: string;
  snapshots: readonly StoredSnapshot[];
}

/** A snapshot wherever it lies, and every ID that somebody may know it by. */
export interface MergedSnapshot {
  snapshot: StoredSnapshot & { copies: { url: string; id: Id }[] };
  names: Set<Id>;
}

/** Pure: the snapshots of several copies, each once, oldest first. Two are the same if `restic copy` says so. */
export function mergeSnapshots(listings: readonly CopyListing[]): MergedSnapshot[] {
  const byTree = new Map<Id, MergedSnapshot[]>();
  for (const { url, snapshots } of listings) {
    for (const snapshot of snapshots) {
      const { id, original } = snapshot;
      const alike = byTree.get(snapshot.tree) ?? [];
      byTree.set(snapshot.tree, alike);
      let known = alike.find((one) => isSameSnapshot(one.snapshot, snapshot));
      if (known === undefined) {
        known = { snapshot: { ...snapshot, id: original ?? id, copies: [] }, names: new Set() };
        alike.push(known);
      }
      known.names.add(id).add(original ?? id);
      if (!known.snapshot.copies.some((copy) => copy.url === url)) known.snapshot.copies.push({ url, id });
    }
  }
  return [...byTree.values()].flat().toSorted((a, b) => byTime(a.snapshot, b.snapshot));
}
