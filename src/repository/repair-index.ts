import { RelocateError } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import type { Storage } from '../storage/storage.ts';
import type { MasterKey } from './crypto.ts';
import { isDamage } from './document.ts';
import { blobsPerIndex, loadSoundIndex, saveIndex } from './index-files.ts';
import { decodeHeader, headerLength, type PackedBlob } from './pack.ts';
import type { Id, RepairIndexResult } from './types.ts';

interface Place {
  storage: Storage;
  key: MasterKey;
  version: 1 | 2;
}

/** Headers read at once: enough to hide a storage's latency. */
const parallelReads = 8;
/** A header of over a thousand blobs; a longer one takes a second read. */
const guessedHeaderBytes = 64 * 1024;

/**
 * Makes the index again from what the packs say of themselves; the old index files go once the new ones are stored. A
 * kill leaves both, which is sound. Of packs whose header cannot be read, what a sound old index knows is kept, for
 * their blobs may be whole; they are named and left where they are. Needs the exclusive lock.
 */
export async function repairIndex(
  { storage, key, version }: Place,
  { emit = silent, signal }: { emit?: Emit; signal?: AbortSignal | undefined } = {},
): Promise<RepairIndexResult> {
  const before = await storage.list('index');
  const packs = await storage.list('pack');
  const kept: Id[] = [];
  const unreadable = new Map<Id, string>();
  let blobs = 0;
  let batch = new Map<Id, PackedBlob[]>();
  let batchBlobs = 0;
  let done = 0;

  async function flush(): Promise<void> {
    const full = batch;
    batch = new Map();
    batchBlobs = 0;
    if (full.size > 0) kept.push(await saveIndex(storage, key, full, version));
  }

  async function add(pack: Id, header: PackedBlob[]): Promise<void> {
    batch.set(pack, header);
    batchBlobs += header.length;
    blobs += header.length;
    if (batchBlobs >= blobsPerIndex) await flush();
  }

  async function readSome(next: Iterator<{ name: string; sizeBytes: number }, unknown>): Promise<void> {
    for (let turn = next.next(); turn.done !== true; turn = next.next()) {
      signal?.throwIfAborted();
      const { name, sizeBytes } = turn.value;
      try {
        const header = await readHeader(storage, key, name, sizeBytes);
        await add(name, header);
      } catch (error) {
        if (!isOfThePack(error)) throw error;
        unreadable.set(name, error.message);
      }
      done += 1;
      emit({ type: 'progress', phase: 'repair', doneItems: done, totalItems: packs.length });
    }
  }

  const next = packs.values();
  await Promise.all(Array.from({ length: parallelReads }, () => readSome(next)));
  const known = await knownBlobs({ storage, key, version }, unreadable);
  for (const [pack, header] of known) await add(pack, header);
  await flush();
  signal?.throwIfAborted();
  const replaced = before.map(({ name }) => name).filter((name) => !kept.includes(name));
  for (const name of replaced) await storage.remove({ type: 'index', name });
  return {
    packs: packs.length - unreadable.size + known.size,
    blobs,
    removedIndexes: replaced.length,
    unreadable: [...unreadable].map(([pack, reason]) => ({
      pack,
      reason,
      keptBlobs: known.get(pack)?.length ?? 0,
    })),
  };
}

/** What the old index files that can be read say of these packs. */
async function knownBlobs(
  { storage, key }: Place,
  packs: ReadonlyMap<Id, unknown>,
): Promise<Map<Id, PackedBlob[]>> {
  const known = new Map<Id, PackedBlob[]>();
  if (packs.size === 0) return known;
  const table = await loadSoundIndex(storage, key, () => {});
  for (const { pack, ...blob } of table.entries()) {
    if (!packs.has(pack)) continue;
    const blobs = known.get(pack);
    if (blobs === undefined) known.set(pack, [blob]);
    else blobs.push(blob);
  }
  return known;
}

/** A storage that does not answer is no reason to leave its packs out of the index. */
function isOfThePack(error: unknown): error is RelocateError {
  return isDamage(error) || (error instanceof RelocateError && error.facts['missing'] === true);
}

async function readHeader(
  storage: Storage,
  key: MasterKey,
  name: Id,
  sizeBytes: number,
): Promise<PackedBlob[]> {
  const file = { type: 'pack', name } as const;
  const tail = async (wanted: number) => {
    const length = Math.min(wanted, sizeBytes);
    return storage.load(file, { offset: sizeBytes - length, length });
  };
  const guess = await tail(guessedHeaderBytes);
  const length = headerLength(guess, sizeBytes);
  const end = length + 4 <= guess.length ? guess : await tail(length + 4);
  return decodeHeader(key, end.subarray(end.length - 4 - length, -4), sizeBytes);
}
