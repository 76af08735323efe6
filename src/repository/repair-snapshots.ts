import { silent, type Emit } from '../events.ts';
import { idOf } from './crypto.ts';
import { treeRepairer } from './repair-tree.ts';
import type { Repository } from './repository.ts';
import type { Id, RepairSnapshotsResult, StoredSnapshot } from './types.ts';

export interface RepairSnapshotsOptions {
  /** Those to look at; all of them where it is left out. */
  snapshots?: readonly StoredSnapshot[];
  /** Removes the broken ones once what is left of them is stored. */
  forget: boolean;
  dryRun: boolean;
  emit?: Emit;
  signal?: AbortSignal | undefined;
}

/**
 * Writes a snapshot of what is left of each that lost something: with `original`, and the tag `repaired` where the broken
 * one stays beside it. What is lost is known by the index, so damaged packs must be out of it first. The broken ones stay
 * unless they are to be forgotten. Only under an exclusive lock.
 */
export async function repairSnapshots(
  repository: Repository,
  { snapshots, forget, dryRun, emit = silent, signal }: RepairSnapshotsOptions,
): Promise<RepairSnapshotsResult> {
  const there = await repository.snapshots({}, emit);
  const all = snapshots ?? there;
  await repository.loadIndex();
  const save = async (json: Buffer) => (dryRun ? idOf(json) : repository.saveTree(json));
  const repair = treeRepairer({ repository, save, signal });
  const result: RepairSnapshotsResult = { dryRun, sound: 0, repaired: [], unreadable: [], removed: [] };
  const trees = new Map<Id, Id>();
  for (const [at, { id, tree }] of all.entries()) {
    emit({ type: 'progress', phase: 'repair', doneItems: at, totalItems: all.length });
    const { tree: left, lost } = await repair(tree);
    if (left === tree) result.sound += 1;
    else if (left === undefined) result.unreadable.push(id);
    else {
      trees.set(id, left);
      result.repaired.push({ from: id, lost });
    }
  }
  if (dryRun) return result;
  await repository.flush();
  for (const one of result.repaired) {
    signal?.throwIfAborted();
    const left = trees.get(one.from);
    one.to = there.find(({ original, tree }) => original === one.from && tree === left)?.id;
    if (one.to !== undefined) continue;
    const document = await repository.snapshotDocument(one.from);
    const tags = document.tags ?? [];
    one.to = await repository.saveSnapshot({
      ...document,
      tree: left ?? document.tree,
      original: one.from,
      tags: forget || tags.includes('repaired') ? tags : [...tags, 'repaired'],
    });
  }
  if (forget) {
    result.removed = [...result.repaired.map(({ from }) => from), ...result.unreadable];
    await repository.removeSnapshots(result.removed, { signal });
  }
  return result;
}
