import { RelocateError } from '../../errors.ts';
import { silent, type Emit } from '../../events.ts';
import {
  ambiguous,
  assertSnapshotName,
  matches,
  noSnapshotYet,
  noSuchSnapshot,
  refuseLatest,
  type SnapshotFilter,
} from '../snapshots.ts';
import type { Id, StoredSnapshot } from '../types.ts';
import type { Crew } from './crew.ts';
import { withUrl } from './errors.ts';
import { mergeSnapshots, type MergedSnapshot } from './merge.ts';

interface Unreadable {
  url: string;
  name: Id;
  message: string;
}

interface Listing {
  merged: MergedSnapshot[];
  /** Snapshot files that cannot be read, and lie in no other copy as far as can be told. */
  lost: Unreadable[];
}

/** The snapshots of all copies, each once. Those that no copy can give are said with `emit`. */
export async function listSnapshots(
  crew: Crew,
  filter: SnapshotFilter | undefined,
  emit: Emit | undefined,
): Promise<MergedSnapshot[]> {
  return (await list(crew, filter, emit)).merged;
}

/** `latest`, or an unambiguous beginning of an ID that it has in any copy. */
export async function findSnapshot(
  crew: Crew,
  name: string,
  filter: SnapshotFilter | undefined,
): Promise<StoredSnapshot> {
  if (name !== 'latest') assertSnapshotName(name);
  const { merged, lost } = await list(crew, filter, crew.emit);
  if (name === 'latest') {
    for (const { name: id, message } of lost) refuseLatest(asDamage(message), id);
    const latest = merged.at(-1);
    if (latest === undefined) throw noSnapshotYet();
    return latest.snapshot;
  }
  const found = merged.filter(({ names }) => [...names].some((one) => one.startsWith(name)));
  const [only, ...others] = found;
  if (others.length > 0) throw ambiguous(name, found.length);
  if (only !== undefined) return only.snapshot;
  const damaged = lost.find((one) => one.name.startsWith(name));
  throw damaged === undefined ? noSuchSnapshot(name) : asDamage(damaged.message);
}

async function list(crew: Crew, filter: SnapshotFilter = {}, emit: Emit = silent): Promise<Listing> {
  const unreadable: Unreadable[] = [];
  const listings = await crew.all(async (repository, { url }) =>
    repository.snapshots({}, (event) => {
      if (event.type !== 'warning' || event.item === undefined) return emit(event);
      unreadable.push({ url, name: event.item, message: event.message });
    }),
  );
  const merged = mergeSnapshots([...listings].map(([{ url }, snapshots]) => ({ url, snapshots })));
  const lost = unreadable.filter((one) => !liesElsewhere(one, merged, unreadable));
  for (const { url, name, message } of unreadable) {
    const isLost = lost.some((one) => one.name === name);
    const where = isLost ? '' : ' Another copy has it.';
    emit({
      type: 'warning',
      code: 'snapshot-unreadable',
      message: `${withUrl(url, message)}${where}`,
      item: name,
    });
  }
  return { merged: merged.filter(({ snapshot }) => matches(snapshot, filter)), lost };
}

/**
 * Copies say which file they were copied from; where that is the unreadable one, another copy has it. The first one's
 * copies say nothing of each other, so a file of theirs is taken for one that others have as long as there are enough
 * of those that seem to be missing here.
 */
function liesElsewhere(
  { url, name }: Unreadable,
  merged: readonly MergedSnapshot[],
  unreadable: readonly Unreadable[],
): boolean {
  if (merged.some(({ names }) => names.has(name))) return true;
  const missingHere = merged.filter(({ snapshot }) => !snapshot.copies.some((copy) => copy.url === url));
  return missingHere.length >= unreadable.filter((one) => one.url === url).length;
}

const asDamage = (message: string): RelocateError => new RelocateError('repository-damaged', message);
