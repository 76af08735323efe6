import type { RelocateError } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import { IdSet } from './id-set.ts';
import { isOfTheFile } from './read-blobs.ts';
import type { Repository } from './repository.ts';
import { isSameSnapshot } from './same-snapshot.ts';
import { treeReferences } from './tree-references.ts';
import type { CopyResult, Id, StoredSnapshot } from './types.ts';

export interface CopyOptions {
  /** Those of the source that are to be copied; all of them where it is left out. */
  snapshots?: readonly StoredSnapshot[];
  emit?: Emit;
  signal?: AbortSignal | undefined;
}

/** The index and the snapshots copied so far are written each time this much was added: what a kill costs at most. */
const flushBytes = 256 * 1024 * 1024;

/**
 * Copies snapshots from one repository to another, whatever their keys. Blobs that the destination has are not read;
 * a snapshot that is there already, copied by us or by restic, is left alone. What the destination gets keeps the
 * document as it was, but for `parent`, which means nothing there, and `original`, which names the first of its line.
 * A kill at any moment leaves both sound, and the next run goes on. A snapshot that the source cannot give whole is named
 * in the result, and the others are copied.
 *
 * The caller holds a shared lock on both. Throws what the storages throw.
 */
export async function copySnapshots(
  from: Repository,
  to: Repository,
  { snapshots, emit = silent, signal }: CopyOptions = {},
): Promise<CopyResult> {
  // First the snapshots, then the index: what was finished in between is then known whole.
  const wanted = snapshots ?? (await from.snapshots({}, emit));
  await from.loadIndex();
  const there = await to.snapshots({}, emit);
  await to.loadIndex();
  const before = to.stats();
  const result: CopyResult = { copied: [], present: [], failed: [], addedBytes: 0, addedPackedBytes: 0 };
  const added = () => to.stats().addedBytes - before.addedBytes;

  /** Folders of which everything is in the destination, or on its way there. */
  const whole = new IdSet();
  let unsaved: StoredSnapshot[] = [];
  let flushedBytes = 0;

  async function saveSnapshots(): Promise<void> {
    await to.flush();
    flushedBytes = added();
    signal?.throwIfAborted();
    for (const { id } of unsaved) {
      const { parent: _, ...document } = await from.snapshotDocument(id);
      const saved = await to.saveSnapshot({ ...document, original: document.original ?? id });
      result.copied.push({ from: id, to: saved });
    }
    unsaved = [];
  }

  for (const [at, snapshot] of wanted.entries()) {
    signal?.throwIfAborted();
    const said = () =>
      emit({
        type: 'progress',
        phase: 'copy',
        doneItems: at,
        totalItems: wanted.length,
        doneBytes: added(),
      });
    said();
    if (there.some((one) => isSameSnapshot(snapshot, one))) {
      result.present.push(snapshot.id);
      continue;
    }
    try {
      await copyTree({ from, to, whole, signal, onBlob: said }, snapshot.tree);
      unsaved.push(snapshot);
    } catch (error) {
      if (!(error instanceof SourceDamage)) throw error;
      const reason = error.cause.message;
      result.failed.push({ snapshot: snapshot.id, reason });
      emit({
        type: 'warning',
        code: 'snapshot-not-copied',
        message: `Snapshot ${snapshot.id.slice(0, 8)} cannot be copied: ${reason}`,
        item: snapshot.id,
      });
    }
    if (added() - flushedBytes >= flushBytes) await saveSnapshots();
  }
  await saveSnapshots();
  const after = to.stats();
  return {
    ...result,
    addedBytes: after.addedBytes - before.addedBytes,
    addedPackedBytes: after.addedPackedBytes - before.addedPackedBytes,
  };
}

/** What the source cannot give, kept apart from what the destination may say. */
class SourceDamage extends Error {
  override readonly cause: RelocateError;

  constructor(cause: RelocateError) {
    super(cause.message);
    this.cause = cause;
  }
}

interface TreeCopy {
  from: Repository;
  to: Repository;
  whole: IdSet;
  signal: AbortSignal | undefined;
  onBlob: () => void;
}

/** Level by level, so that each level is read pack by pack; then the content of its files in the same way. */
async function copyTree({ from, to, whole, signal, onBlob }: TreeCopy, root: Id): Promise<void> {
  const trees = new IdSet();
  const content = new IdSet();
  for (let level = [root]; level.length > 0;) {
    const next: Id[] = [];
    const isNew = (id: Id) => !whole.has(id) && trees.add(id);
    for await (const { id, bytes } of whatIsThere(from, 'tree', level.filter(isNew), signal)) {
      const references = inSource(() => treeReferences(bytes, id));
      next.push(...references.subtrees);
      content.addAll(references.content.filter((blob) => !to.hasBlob('data', blob)));
      await to.saveBlob('tree', bytes, id);
      onBlob();
    }
    level = next;
  }
  for await (const { id, bytes } of whatIsThere(from, 'data', content, signal)) {
    await to.saveBlob('data', bytes, id);
    onBlob();
  }
  whole.addAll(trees);
}

/** Goes on after a blob that is lost, so that what else there is gets saved; then says so. */
async function* whatIsThere(
  from: Repository,
  type: 'tree' | 'data',
  ids: Iterable<Id>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ id: Id; bytes: Buffer }, void, void> {
  let lost: RelocateError | undefined;
  for await (const blob of from.loadBlobs(type, ids, signal)) {
    if ('error' in blob) lost ??= blob.error;
    else yield blob;
  }
  if (lost) throw new SourceDamage(lost);
}

function inSource<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (isOfTheFile(error)) throw new SourceDamage(error);
    throw error;
  }
}
