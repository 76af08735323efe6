import { RelocateError } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import type { BlobTable } from './blob-table.ts';
import { readBlobs, type BlobSource } from './read-blobs.ts';
import { treeReferences } from './tree-references.ts';
import type { BlobType, Id } from './types.ts';

/** So many missing blobs are named; whoever has more has one problem, not many. */
const namedMissing = 5;

/**
 * Which blobs the trees below `roots` need: 1 at the table's first entry of each. One byte a blob, whatever their
 * number. Throws `repository-damaged` where a tree cannot be read or a blob is in no index: then it cannot be told what
 * may go.
 */
export async function findUsedBlobs(
  source: BlobSource,
  roots: readonly Id[],
  { emit = silent, signal }: { emit?: Emit; signal?: AbortSignal | undefined } = {},
): Promise<Uint8Array> {
  const { table } = source;
  const used = new Uint8Array(table.size);
  const missing: string[] = [];
  let level: number[] = [];
  let trees = 0;

  function use(type: BlobType, id: Id): number | undefined {
    const row = table.rowOf(type, id);
    if (row === undefined) {
      missing.push(`${type === 'tree' ? 'folder' : 'blob'} ${id.slice(0, 8)}`);
      return undefined;
    }
    if (used[row] === 1) return undefined;
    used[row] = 1;
    return row;
  }

  function useTree(id: Id): void {
    const row = use('tree', id);
    if (row !== undefined) level.push(row);
  }

  for (const root of roots) useTree(root);
  while (level.length > 0) {
    const now = level;
    level = [];
    for await (const blob of readBlobs(source, 'tree', idsOf(table, now), signal)) {
      if ('error' in blob) throw notPruned(blob.error.message, blob.error);
      const { subtrees, content } = treeReferences(blob.bytes, blob.id);
      for (const id of subtrees) useTree(id);
      for (const id of content) use('data', id);
      trees += 1;
      emit({ type: 'progress', phase: 'search', doneItems: trees });
    }
  }
  if (missing.length > 0) {
    const more = missing.length > namedMissing ? ` and ${missing.length - namedMissing} more` : '';
    throw notPruned(`${missing.slice(0, namedMissing).join(', ')}${more} of the snapshots cannot be found.`);
  }
  return used;
}

function* idsOf(table: BlobTable, rows: readonly number[]): Generator<Id, void, void> {
  for (const row of rows) yield table.entry(row).id;
}

/** With something lost already, to delete what looks unused could lose more: a lost index makes all look unused. */
export function notPruned(what: string, cause?: unknown): RelocateError {
  return new RelocateError('repository-damaged', `Nothing was pruned: ${what}`, {
    hint: 'Nothing was deleted. See how far the damage goes with: relocate check — then: relocate repair index, relocate repair snapshots',
    ...(cause === undefined ? {} : { cause }),
  });
}
