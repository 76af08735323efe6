import { silent, type Emit } from '../events.ts';
import { compress } from './compression.ts';
import { idOf, seal } from './crypto.ts';
import type { AssertHeld, LockPlace } from './lock.ts';
import { packTargetBytes } from './pack.ts';
import { planPrune, type PrunePlan } from './prune-plan.ts';
import { isOfTheFile, planReads, readStretches, type BlobSource } from './read-blobs.ts';
import { assertMayRemove, removeFiles } from './remove-files.ts';
import type { PruneOptions } from './repository.ts';
import { Repacker } from './repacker.ts';
import { IndexWriter, rewriteIndex } from './rewrite-index.ts';
import { listSnapshots } from './snapshots.ts';
import type { BlobType, Id, PruneResult } from './types.ts';
import { findUsedBlobs, notPruned } from './used-blobs.ts';

export interface PruneParts extends LockPlace, BlobSource {
  /** Throws where the exclusive lock is not surely held any more: nothing is deleted then. */
  assertHeld: AssertHeld;
}

/**
 * Plans, and carries the plan out unless it is to be known only. Throws `repository-damaged` before anything is changed
 * where a snapshot cannot be read or something in use is missing.
 */
export async function prune(parts: PruneParts, options: PruneOptions): Promise<PruneResult> {
  const { dryRun = false, without = new Set<Id>(), emit = silent } = options;
  if (!dryRun) await assertMayRemove(parts.storage, ['pack', 'index']);
  const snapshots = await listSnapshots(parts, {}, (event) => {
    if (event.type === 'warning') throw notPruned(event.message);
  });
  emit({ type: 'phase-start', phase: 'search', title: 'what the snapshots need' });
  const startedAtMs = performance.now();
  const roots = snapshots.filter(({ id }) => !without.has(id)).map(({ tree }) => tree);
  const used = await findUsedBlobs(parts, roots, options);
  const plan = planPrune(parts.table, used, await parts.storage.list('pack'), options);
  const durationMs = performance.now() - startedAtMs;
  emit({ type: 'phase-end', phase: 'search', durationMs, outcome: 'done' });
  if (!dryRun) await execute(parts, plan, options);
  return { ...plan.summary, dryRun };
}

/**
 * What the plan says, in an order that a kill at any moment cannot hurt: packs that nobody names go; what is used moves to
 * new packs, which the index names as they come; then the index forgets the old packs, and last they go. Whoever runs
 * it again after a kill plans anew, and finds what was moved. Only under an exclusive lock.
 */
async function execute(
  parts: PruneParts,
  plan: PrunePlan,
  { emit = silent, signal }: PruneOptions,
): Promise<void> {
  const { storage, assertHeld } = parts;
  const remove = async (type: 'pack' | 'index', names: readonly Id[]) => {
    signal?.throwIfAborted();
    await assertHeld();
    await removeFiles(storage, type, names, { emit, signal, phase: 'prune' });
  };
  const oldIndexes = (await storage.list('index')).map(({ name }) => name);
  await remove('pack', plan.unindexed);
  const index = new IndexWriter(parts);
  await repack(parts, plan, index, { emit, signal });
  const leaving = new Set([...plan.remove, ...plan.repack, ...plan.gone]);
  const replaced = await rewriteIndex(parts, oldIndexes, leaving, index, signal);
  await remove('index', replaced);
  await remove('pack', [...plan.remove, ...plan.repack]);
}

/** New packs are indexed as they come, so that a kill costs little of a long run. */
const indexEveryBytes = 16 * packTargetBytes;

async function repack(
  parts: PruneParts,
  { moveRows, summary }: PrunePlan,
  index: IndexWriter,
  { emit, signal }: { emit: Emit; signal: AbortSignal | undefined },
): Promise<void> {
  if (moveRows.length === 0) return;
  const totalBytes = summary.repackedBytes - summary.repackedAwayBytes;
  const startedAtMs = performance.now();
  emit({ type: 'phase-start', phase: 'repack', title: 'moving what is used to new packs' });
  let doneBytes = 0;
  let unindexedBytes = 0;
  const tools = {
    ...parts,
    stored: async (...[pack, blobs]: Parameters<IndexWriter['add']>) => index.add(pack, blobs),
  };
  const packers = { data: new Repacker('data', tools), tree: new Repacker('tree', tools) };
  for await (const { read, bytes } of readStretches(
    parts.storage,
    planReads(parts.table, moveRows),
    signal,
  )) {
    for (const row of read.rows) {
      const blob = parts.table.entry(row);
      const at = blob.offset - read.offset;
      const moved = await verified(parts, blob, bytes?.subarray(at, at + blob.length));
      await packers[blob.type].add(blob.id, moved.sealed, moved.uncompressedLength);
      doneBytes += blob.length;
      unindexedBytes += blob.length;
    }
    emit({ type: 'progress', phase: 'repack', doneBytes, totalBytes: Math.max(totalBytes, doneBytes) });
    if (unindexedBytes < indexEveryBytes) continue;
    unindexedBytes = 0;
    await index.flush();
  }
  await packers.data.flush();
  await packers.tree.flush();
  const durationMs = performance.now() - startedAtMs;
  emit({ type: 'phase-end', phase: 'repack', durationMs, outcome: 'done' });
}

interface Moved {
  sealed: Buffer;
  uncompressedLength: number;
}

/** The blob's sealed bytes, proven to be right; sealed anew from another place where they are not. */
async function verified(
  parts: PruneParts,
  blob: { id: Id; type: BlobType; uncompressedLength: number },
  sealed: Buffer | undefined,
): Promise<Moved> {
  const { id, type, uncompressedLength } = blob;
  const plaintext = sealed && parts.sealer.open(sealed, uncompressedLength);
  // Copied, for a few blobs of a stretch would keep all of it in memory until their pack is full.
  if (sealed && plaintext !== undefined && idOf(plaintext) === id)
    return { sealed: Buffer.from(sealed), uncompressedLength };
  try {
    return sealAnew(parts, await parts.loadBlob(type, id));
  } catch (error) {
    if (isOfTheFile(error)) throw notPruned(error.message, error);
    throw error;
  }
}

function sealAnew({ key, version }: PruneParts, plaintext: Buffer): Moved {
  const compressed = version === 1 ? undefined : compress(plaintext);
  return compressed !== undefined && compressed.length < plaintext.length
    ? { sealed: seal(key, compressed), uncompressedLength: plaintext.length }
    : { sealed: seal(key, plaintext), uncompressedLength: 0 };
}
