import type { BlobTable } from './blob-table.ts';
import { choosePlaces } from './prune-places.ts';
import { notPruned } from './used-blobs.ts';
import { packTargetBytes } from './pack.ts';
import type { PruneOptions } from './repository.ts';
import type { Id, PruneSummary } from './types.ts';

/** What a prune does, as data: nothing has happened yet. */
export interface PrunePlan {
  /** Packs that no index names: what a run that was killed left. */
  unindexed: Id[];
  /** Packs of which nothing is used. */
  remove: Id[];
  /** Packs of which a part is used, or that are very small: what is used moves to new packs, then they go. */
  repack: Id[];
  /** Packs that are gone, and that nothing needs: the index forgets them. */
  gone: Id[];
  /** The table's entries that move to new packs. */
  moveRows: Uint32Array;
  summary: PruneSummary;
}

/** Full packs below this are joined, where there are enough of them; restic's figure. */
const smallPackBytes = packTargetBytes / 25;
const smallPacksWorthIt = 10;

interface Candidate {
  pack: Id;
  packNumber: number;
  usedBytes: number;
  unusedBytes: number;
  sizeBytes: number;
  hasTrees: boolean;
}

/**
 * Decides as restic does. `used` has 1 at the first entry of each blob in use; `packs` are those that are there.
 * Throws `repository-damaged` where a pack with something used is missing or has another size than the index says.
 */
export function planPrune(
  table: BlobTable,
  used: Uint8Array,
  packs: readonly { name: Id; sizeBytes: number }[],
  limits: Pick<PruneOptions, 'maxUnusedBytes' | 'maxRepackBytes'>,
): PrunePlan {
  const numberOf = new Map(table.packs().map((pack, number) => [pack, number]));
  const isThere = new Uint8Array(numberOf.size);
  for (const { name } of packs) {
    const number = numberOf.get(name);
    if (number !== undefined) isThere[number] = 1;
  }
  const places = choosePlaces(table, used, isThere);
  const [lost] = places.lostPacks;
  if (lost !== undefined) throw notPruned(`pack ${lost.slice(0, 8)} is missing, and snapshots need it.`);
  const plan: Omit<PrunePlan, 'summary' | 'moveRows'> = { unindexed: [], remove: [], repack: [], gone: [] };
  const candidates: Candidate[] = [];
  const small: Candidate[] = [];
  const isLeaving = new Uint8Array(numberOf.size);
  let unindexedBytes = 0;
  let removedBytes = 0;
  let removedUnused = 0;

  for (const { name, sizeBytes } of packs) {
    const packNumber = numberOf.get(name);
    if (packNumber === undefined) {
      plan.unindexed.push(name);
      unindexedBytes += sizeBytes;
      continue;
    }
    const { usedBlobs, unusedBlobs, usedBytes, unusedBytes, hasTrees, isMixed } = places.pack(packNumber);
    if (usedBlobs === 0) {
      plan.remove.push(name);
      isLeaving[packNumber] = 1;
      removedBytes += sizeBytes;
      removedUnused += unusedBytes;
      continue;
    }
    if (usedBytes + unusedBytes !== sizeBytes) {
      throw notPruned(
        `pack ${name.slice(0, 8)} has ${sizeBytes} bytes, and ${usedBytes + unusedBytes} by the index.`,
      );
    }
    const candidate = { pack: name, packNumber, usedBytes, unusedBytes, sizeBytes, hasTrees };
    if (unusedBlobs > 0 || isMixed) candidates.push(candidate);
    else if (sizeBytes < smallPackBytes) small.push(candidate);
  }
  for (const [pack, number] of numberOf) {
    if (isThere[number] === 1) continue;
    plan.gone.push(pack);
    isLeaving[number] = 1;
  }
  if (small.length >= smallPacksWorthIt) candidates.push(...small);

  const totals = places.totals;
  let remainingUnusedBytes = totals.unusedBytes + totals.duplicateBytes - removedUnused;
  const tolerated = limits.maxUnusedBytes(totals.usedBytes);
  let repackedBytes = 0;
  let repackedAwayBytes = 0;
  for (const candidate of candidates.toSorted(mostUnusedFirst)) {
    const isEnough = remainingUnusedBytes < tolerated && candidate.sizeBytes >= smallPackBytes;
    if (repackedBytes + candidate.sizeBytes > limits.maxRepackBytes) continue;
    if (isEnough && !candidate.hasTrees) continue;
    plan.repack.push(candidate.pack);
    isLeaving[candidate.packNumber] = 1;
    repackedBytes += candidate.sizeBytes;
    repackedAwayBytes += candidate.unusedBytes;
    remainingUnusedBytes -= candidate.unusedBytes;
  }
  return {
    ...plan,
    moveRows: places.rowsToMove(isLeaving),
    summary: {
      ...totals,
      keptPacks: packs.length - plan.unindexed.length - plan.remove.length - plan.repack.length,
      unindexedPacks: plan.unindexed.length,
      unindexedBytes,
      removedPacks: plan.remove.length,
      removedBytes,
      repackedPacks: plan.repack.length,
      repackedBytes,
      repackedAwayBytes,
      freedBytes: unindexedBytes + removedBytes + repackedAwayBytes,
      remainingUnusedBytes,
    },
  };
}

/** Trees first, because they are read most, then what is very small, then where most is won for what is copied. */
function mostUnusedFirst(a: Candidate, b: Candidate): number {
  if (a.hasTrees !== b.hasTrees) return a.hasTrees ? -1 : 1;
  const isSmall = (one: Candidate) => one.sizeBytes < smallPackBytes;
  if (isSmall(a) !== isSmall(b)) return isSmall(a) ? -1 : 1;
  return b.unusedBytes * a.usedBytes - a.unusedBytes * b.usedBytes;
}
