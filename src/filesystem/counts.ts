import type { Emit } from '../events.ts';
import type { Node } from '../repository/tree.ts';
import type { SnapshotSummary } from '../repository/types.ts';

export type TreeSummary = Omit<
  SnapshotSummary,
  'backup_start' | 'backup_end' | 'data_blobs' | 'tree_blobs' | 'data_added' | 'data_added_packed'
>;

export type Change = 'new' | 'changed' | 'unmodified';

const progressEveryMs = 100;

/** What a snapshot has taken in so far, as restic counts it; says so while it grows. */
export function createCounts(emit: Emit) {
  const summary: TreeSummary = {
    files_new: 0,
    files_changed: 0,
    files_unmodified: 0,
    dirs_new: 0,
    dirs_changed: 0,
    dirs_unmodified: 0,
    total_files_processed: 0,
    total_bytes_processed: 0,
  };
  /** Bytes of files that are still being read. */
  let readingBytes = 0;
  let saidAt = 0;
  const say = (path: () => string): void => {
    const now = Date.now();
    if (now - saidAt < progressEveryMs) return;
    saidAt = now;
    emit({
      type: 'progress',
      phase: 'capture',
      file: path(),
      doneBytes: summary.total_bytes_processed + readingBytes,
      doneItems: summary.total_files_processed,
    });
  };
  return {
    summary: summary as Readonly<TreeSummary>,
    file(node: Node, change: Change, path: () => string): void {
      summary[`files_${change}`] += 1;
      summary.total_files_processed += 1;
      summary.total_bytes_processed += node.size;
      say(path);
    },
    folder(change: Change): void {
      summary[`dirs_${change}`] += 1;
    },
    reading(bytes: number, path: () => string): void {
      readingBytes += bytes;
      say(path);
    },
    /** The file that these bytes were of is done, or was given up. */
    read(bytes: number): void {
      readingBytes -= bytes;
    },
  };
}

export type Counts = ReturnType<typeof createCounts>;
