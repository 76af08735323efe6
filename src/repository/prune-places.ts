import type { BlobTable } from './blob-table.ts';
import { entryBytes, packOverheadBytes } from './pack.ts';
import type { Id } from './types.ts';

/** What a pack holds. Bytes are as stored; those used include the pack's header. */
export interface PackUse {
  usedBlobs: number;
  unusedBlobs: number;
  usedBytes: number;
  unusedBytes: number;
  hasTrees: boolean;
  /** Holds data and trees, which no version of restic writes any more. */
  isMixed: boolean;
}

export interface Places {
  pack(packNumber: number): PackUse;
  totals: {
    usedBlobs: number;
    usedBytes: number;
    duplicateBlobs: number;
    duplicateBytes: number;
    unusedBlobs: number;
    unusedBytes: number;
  };
  /** Packs of which something in use lies nowhere else, and which are not there. */
  lostPacks: Set<Id>;
  /** Entries in use that lie in none but packs that leave: one of each blob. */
  rowsToMove(isLeaving: Uint8Array): Uint32Array;
}

/**
 * Of each blob in use, which of its places counts as the used one; packs that are not there are no places. Arrays by the table's entries and by packs, so that
 * it stays small with millions of blobs.
 */
export function choosePlaces(table: BlobTable, used: Uint8Array, isThere: Uint8Array): Places {
  const packCount = table.packs().length;
  const firstOf = new Uint32Array(table.size);
  /** By first entry: how many places the blob has. Stops at 255, which costs choice only. */
  const copies = new Uint8Array(table.size);
  const chosen = new Uint8Array(table.size);
  const usedBlobs = new Uint32Array(packCount);
  const unusedBlobs = new Uint32Array(packCount);
  const duplicateBlobs = new Uint32Array(packCount);
  const usedBytes = new Float64Array(packCount).fill(packOverheadBytes);
  const unusedBytes = new Float64Array(packCount);
  const kinds = new Uint8Array(packCount);
  const totals = {
    usedBlobs: 0,
    usedBytes: 0,
    duplicateBlobs: 0,
    duplicateBytes: 0,
    unusedBlobs: 0,
    unusedBytes: 0,
  };

  for (let row = 0; row < table.size; row += 1) {
    const first = table.firstRow(row);
    firstOf[row] = first;
    if (isThere[table.numbers(row).packNumber] !== 1) continue;
    if (used[first] === 1 && (copies[first] ?? 0) < 255) add(copies, first, 1);
  }
  const lostPacks = new Set<Id>();
  for (let row = 0; row < table.size; row += 1) {
    const { packNumber, length, isTree, isCompressed } = table.numbers(row);
    if (isThere[packNumber] !== 1) {
      if (used[row] === 1 && copies[row] === 0) lostPacks.add(table.packs()[packNumber] ?? '');
      continue;
    }
    kinds[packNumber] = (kinds[packNumber] ?? 0) | (isTree ? 2 : 1);
    add(usedBytes, packNumber, entryBytes(isCompressed));
    const count = copies[firstOf[row] ?? 0] ?? 0;
    if (count === 1) {
      chosen[row] = 1;
      add(usedBlobs, packNumber, 1);
      add(usedBytes, packNumber, length);
      totals.usedBlobs += 1;
      totals.usedBytes += length;
      continue;
    }
    add(unusedBlobs, packNumber, 1);
    add(unusedBytes, packNumber, length);
    if (count > 1) {
      add(duplicateBlobs, packNumber, 1);
      totals.duplicateBlobs += 1;
      totals.duplicateBytes += length;
    } else {
      totals.unusedBlobs += 1;
      totals.unusedBytes += length;
    }
  }

  // A duplicate is best kept where other blobs are used anyway, or in a pack of nothing but duplicates: that is what
  // a prune that was killed has made. Else the last place counts.
  const left = copies.slice();
  const isChosen = new Uint8Array(table.size);
  for (let row = 0; totals.duplicateBlobs > 0 && row < table.size; row += 1) {
    const first = firstOf[row] ?? 0;
    const { packNumber, length } = table.numbers(row);
    if ((copies[first] ?? 0) < 2 || isChosen[first] === 1 || isThere[packNumber] !== 1) continue;
    const isGoodPlace =
      (usedBlobs[packNumber] ?? 0) > 0 || duplicateBlobs[packNumber] === unusedBlobs[packNumber];
    if (!isGoodPlace && (left[first] ?? 0) > 1) {
      add(left, first, -1);
      continue;
    }
    isChosen[first] = 1;
    chosen[row] = 1;
    add(usedBlobs, packNumber, 1);
    add(usedBytes, packNumber, length);
    add(unusedBlobs, packNumber, -1);
    add(unusedBytes, packNumber, -length);
    totals.usedBlobs += 1;
    totals.usedBytes += length;
    totals.duplicateBlobs -= 1;
    totals.duplicateBytes -= length;
  }

  return {
    totals,
    lostPacks,
    pack: (packNumber) => ({
      usedBlobs: usedBlobs[packNumber] ?? 0,
      unusedBlobs: unusedBlobs[packNumber] ?? 0,
      usedBytes: usedBytes[packNumber] ?? 0,
      unusedBytes: unusedBytes[packNumber] ?? 0,
      hasTrees: ((kinds[packNumber] ?? 0) & 2) !== 0,
      isMixed: kinds[packNumber] === 3,
    }),
    rowsToMove(isLeaving) {
      const staysSomewhere = new Uint8Array(table.size);
      for (let row = 0; row < table.size; row += 1)
        if (isLeaving[table.numbers(row).packNumber] !== 1) staysSomewhere[firstOf[row] ?? 0] = 1;
      const rows: number[] = [];
      for (let row = 0; row < table.size; row += 1)
        if (chosen[row] === 1 && staysSomewhere[firstOf[row] ?? 0] !== 1) rows.push(row);
      return Uint32Array.from(rows);
    },
  };
}

function add(to: Uint32Array | Float64Array | Uint8Array, at: number, what: number): void {
  to[at] = (to[at] ?? 0) + what;
}
