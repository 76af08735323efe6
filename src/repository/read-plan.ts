import type { BlobLocation } from './blob-table.ts';
import type { Id } from './types.ts';

/** A blob that is wanted, with everything that is to be done with it: it is loaded and opened once for all. */
export interface WantedBlob {
  id: Id;
  works: unknown[];
  /** Where it is to be read now. */
  place: BlobLocation;
  /** Where else it lies, should it be damaged there. */
  others: BlobLocation[];
}

/** Blobs that are loaded at once: neighbours in a pack, with gaps that cost less than another request. */
export interface Run {
  pack: Id;
  offset: number;
  /** Bytes. */
  length: number;
  /** By their offsets. */
  blobs: WantedBlob[];
}

/**
 * A run ends when it has this length: enough for a request to be worth its latency, little enough for the bytes to be
 * in the processor's caches still when they are opened.
 */
const runBytes = 4 * 1024 * 1024;
const maxGapBytes = 256 * 1024;

interface PackQueue {
  sealedBytes: number;
  blobs: Map<Id, WantedBlob>;
}

/** Blobs that wait to be loaded, by the packs that they lie in. */
export class ReadPlan {
  readonly #packs = new Map<Id, PackQueue>();
  #blobs = 0;
  #sealedBytes = 0;

  get blobs(): number {
    return this.#blobs;
  }

  get sealedBytes(): number {
    return this.#sealedBytes;
  }

  /** `places`: where the blob lies, at least one. */
  add(id: Id, work: unknown, [place, ...others]: readonly [BlobLocation, ...BlobLocation[]]): void {
    const queue = this.#packs.get(place.pack) ?? { sealedBytes: 0, blobs: new Map<Id, WantedBlob>() };
    this.#packs.set(place.pack, queue);
    const waiting = queue.blobs.get(id);
    if (waiting !== undefined) {
      waiting.works.push(work);
      return;
    }
    queue.blobs.set(id, { id, works: [work], place, others });
    queue.sealedBytes += place.length;
    this.#sealedBytes += place.length;
    this.#blobs += 1;
  }

  /** The runs of the pack that most is wanted of: what is wanted of the others may still grow. */
  takeFullest(): Run[] {
    let fullest: [Id, PackQueue] | undefined;
    for (const entry of this.#packs) {
      if (fullest === undefined || entry[1].sealedBytes > fullest[1].sealedBytes) fullest = entry;
    }
    if (fullest === undefined) return [];
    const [pack, { blobs, sealedBytes }] = fullest;
    this.#packs.delete(pack);
    this.#blobs -= blobs.size;
    this.#sealedBytes -= sealedBytes;
    return splitIntoRuns([...blobs.values()]);
  }
}

/** Blobs of one pack, by their offsets, as few loads. */
export function splitIntoRuns(blobs: readonly WantedBlob[]): Run[] {
  const sorted = blobs.toSorted((a, b) => a.place.offset - b.place.offset);
  const runs: Run[] = [];
  let run: Run | undefined;
  for (const blob of sorted) {
    const { pack, offset, length } = blob.place;
    if (run !== undefined && mayJoin(run, offset, length)) {
      run.length = Math.max(run.length, offset + length - run.offset);
      run.blobs.push(blob);
    } else {
      run = { pack, offset, length, blobs: [blob] };
      runs.push(run);
    }
  }
  return runs;
}

function mayJoin(run: Run, offset: number, length: number): boolean {
  const gapBytes = offset - (run.offset + run.length);
  return gapBytes <= maxGapBytes && offset + length - run.offset <= runBytes;
}
