import { blobsPerIndex, loadIndexFile, saveIndex } from './index-files.ts';
import type { LockPlace } from './lock.ts';
import type { PackedBlob } from './pack.ts';
import type { Id } from './types.ts';

/** Gathers packs and writes an index file whenever there is enough for one. */
export class IndexWriter {
  readonly #place: LockPlace;
  readonly #packs = new Set<Id>();
  #batch = new Map<Id, readonly PackedBlob[]>();
  #batchBlobs = 0;

  constructor(place: LockPlace) {
    this.#place = place;
  }

  /** A pack that was added before is not named twice. */
  async add(pack: Id, blobs: readonly PackedBlob[]): Promise<void> {
    if (this.#packs.has(pack)) return;
    this.#packs.add(pack);
    this.#batch.set(pack, blobs);
    this.#batchBlobs += blobs.length;
    if (this.#batchBlobs >= blobsPerIndex) await this.flush();
  }

  async flush(): Promise<void> {
    const packs = this.#batch;
    this.#batch = new Map();
    this.#batchBlobs = 0;
    const { storage, key, version } = this.#place;
    if (packs.size > 0) await saveIndex(storage, key, packs, version);
  }
}

/** Files below this are joined with others: a repository of many small snapshots has many of them. */
const smallIndexBlobs = blobsPerIndex / 2;

/**
 * Writes what index files say of packs that stay into new ones, where a file names a pack that leaves or is small and
 * not the only one. The files that were replaced are returned: they are to be removed when all this is done.
 */
export async function rewriteIndex(
  place: LockPlace,
  names: readonly Id[],
  leaving: ReadonlySet<Id>,
  to: IndexWriter,
  signal?: AbortSignal,
): Promise<Id[]> {
  const small: Id[] = [];
  const stale: Id[] = [];
  for (const name of names) {
    signal?.throwIfAborted();
    const table = await loadIndexFile(place.storage, place.key, name);
    if (table.packs().some((pack) => leaving.has(pack))) stale.push(name);
    else if (table.size < smallIndexBlobs) small.push(name);
  }
  const replaced = stale.length > 0 || small.length > 1 ? [...stale, ...small] : [];
  for (const name of replaced) {
    signal?.throwIfAborted();
    const table = await loadIndexFile(place.storage, place.key, name);
    const blobsOf = table.byPack();
    for (const [number, pack] of table.packs().entries())
      if (!leaving.has(pack)) await to.add(pack, blobsOf(number));
  }
  await to.flush();
  return replaced;
}
