import { copySnapshots } from '../copy.ts';
import { ambiguous, assertSnapshotName, matches, noSnapshotYet, noSuchSnapshot } from '../snapshots.ts';
import type { SnapshotFilter } from '../snapshots.ts';
import type { CaughtUp, StoredSnapshot } from '../types.ts';
import { Crew, type CopiesOptions } from './crew.ts';
import { asRelocateError } from './errors.ts';
import { withAllLocked } from './lock.ts';
import type { CopyPlace, Member } from './member.ts';
import { mergeSnapshots, type MergedSnapshot } from './merge.ts';

export interface CatchUpOptions extends CopiesOptions {
  /** `latest`, or beginnings of IDs; all where there are none. */
  ids?: readonly string[];
  filter?: SnapshotFilter;
}

/**
 * Brings to each repository the snapshots that another one has and it lacks. What one source cannot give whole is taken
 * from the next. A kill leaves all of them sound, and the next run goes on. Gives what was done to each, also to those
 * that could not be opened. Throws where none can be opened.
 */
export async function catchUp(places: readonly CopyPlace[], options: CatchUpOptions): Promise<CaughtUp[]> {
  const { ids = [], filter = {}, ...tools } = options;
  const crew = new Crew(
    places.map(({ url }) => url),
    tools,
  );
  try {
    await crew.open(places);
    return await withAllLocked(crew, 'shared', tools.signal, async () => {
      const listings = await crew.all((repository) => repository.snapshots({}, crew.emit));
      const merged = mergeSnapshots([...listings].map(([{ url }, snapshots]) => ({ url, snapshots })));
      const wanted = choose(
        merged.filter(({ snapshot }) => matches(snapshot, filter)),
        ids,
      );
      const done: CaughtUp[] = [];
      for (const member of crew.members) done.push(await bringTo(member, wanted, listings, crew));
      return done;
    });
  } finally {
    await crew.close();
  }
}

function choose(merged: readonly MergedSnapshot[], ids: readonly string[]): readonly MergedSnapshot[] {
  if (ids.length === 0) return merged;
  return ids.map((id) => {
    if (id === 'latest') {
      const latest = merged.at(-1);
      if (latest === undefined) throw noSnapshotYet();
      return latest;
    }
    assertSnapshotName(id);
    const found = merged.filter(({ names }) => [...names].some((name) => name.startsWith(id)));
    const [only, ...others] = found;
    if (only === undefined) throw noSuchSnapshot(id);
    if (others.length > 0) throw ambiguous(id, found.length);
    return only;
  });
}

async function bringTo(
  to: Member,
  wanted: readonly MergedSnapshot[],
  listings: ReadonlyMap<Member, readonly StoredSnapshot[]>,
  crew: Crew,
): Promise<CaughtUp> {
  if (to.repository === undefined) return failedToOpen(to);
  const done: CaughtUp = { url: to.url, copied: 0, failed: [], addedBytes: 0, addedPackedBytes: 0 };
  let open = wanted.filter(({ snapshot }) => !snapshot.copies.some(({ url }) => url === to.url));
  const reasons = new Map<string, string>();
  for (const from of crew.living) {
    const batch = open.flatMap((one) => ownOf(one, from, listings) ?? []);
    if (from === to || from.repository === undefined || !to.isLiving || batch.length === 0) continue;
    const options = { snapshots: batch, emit: crew.emit, signal: crew.signal };
    try {
      const result = await copySnapshots(from.repository, to.repository, options);
      done.copied += result.copied.length;
      done.addedBytes += result.addedBytes;
      done.addedPackedBytes += result.addedPackedBytes;
      for (const { snapshot, reason } of result.failed) reasons.set(snapshot, reason);
      const there = new Set([...result.copied.map((one) => one.from), ...result.present]);
      open = open.filter((one) => !there.has(ownOf(one, from, listings)?.id ?? ''));
    } catch (error) {
      crew.signal?.throwIfAborted();
      // Whether it is the source's or the destination's: another source may show.
      done.error = asRelocateError(error);
    }
  }
  if (open.length === 0) delete done.error;
  done.failed = open.map(({ snapshot, names }) => ({
    snapshot: snapshot.id,
    reason:
      [...names].flatMap((name) => reasons.get(name) ?? [])[0] ?? (done.error ?? to.failure)?.message ?? '',
  }));
  const failure = to.failure ?? done.error;
  return failure === undefined ? done : { ...done, error: failure };
}

function failedToOpen({ url, failure }: Member): CaughtUp {
  const done = { url, copied: 0, failed: [], addedBytes: 0, addedPackedBytes: 0 };
  return failure === undefined ? done : { ...done, error: failure };
}

/** The snapshot as that copy has it. */
function ownOf(
  { snapshot }: MergedSnapshot,
  { url }: Member,
  listings: ReadonlyMap<Member, readonly StoredSnapshot[]>,
): StoredSnapshot | undefined {
  const id = snapshot.copies.find((copy) => copy.url === url)?.id;
  for (const [member, snapshots] of listings)
    if (member.url === url) return snapshots.find((one) => one.id === id);
  return undefined;
}

export const failedCatchUps = (done: readonly CaughtUp[]): CaughtUp[] =>
  done.filter(({ failed, error }) => failed.length > 0 || error !== undefined);
