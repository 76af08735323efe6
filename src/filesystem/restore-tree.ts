import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import type { Emit } from '../events.ts';
import type { BlobConsumer } from '../repository/open-pool.ts';
import type { Repository } from '../repository/repository.ts';
import { programBeside } from '../repository/threads.ts';
import type { Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import type { DiskSummary } from '../sources/source.ts';
import { makeFolder } from './place.ts';
import { loadPosix, warnOfLimits, type Posix } from './posix.ts';
import { RestoreFiles, type FileOrder } from './restore-files.ts';
import { explain, RestoreReport } from './restore-report.ts';
import { RestoreWalk } from './restore-walk.ts';
import { consume, type FileFailed, type FileWork, type FileWritten } from './write-blob.ts';

export interface RestoreOptions {
  emit: Emit;
  signal: AbortSignal;
  /** Patterns as restic takes them; paths begin at the tree's root. */
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  /** The node of the tree itself: its metadata goes to `target`. */
  folder?: Node | undefined;
}

export type RestoreReader = Pick<Repository, 'loadBlob' | 'consumeBlobs' | 'blobSize'>;

const fileWriter: BlobConsumer<FileWork, FileWritten | FileFailed> = {
  module: programBeside(import.meta.url, 'write-blob'),
  consume,
};

/**
 * Writes a tree to a folder, which may hold the outcome of an earlier run: files whose size and time are right stay as
 * they are, everything else is made right, strangers are left alone. Nothing outside `target` is written, whatever the
 * tree says. Trouble with single files is listed in `problems`. Throws `disk-full`, `restore-failed`,
 * `snapshot-hostile`, and what the repository throws.
 *
 * One walk through the trees makes folders and links and orders the files' blobs; the repository reads these in the
 * order of its packs, and threads write them. A folder gets its metadata when the last thing in it is done.
 */
export async function restoreTree(
  repository: RestoreReader,
  tree: Id,
  target: string,
  options: RestoreOptions,
): Promise<DiskSummary> {
  const posix = await loadPosix();
  if (posix.limits !== undefined) options.emit(warnOfLimits(posix.limits));
  const report = new RestoreReport(options.emit);
  const files = new RestoreFiles(repository, posix, report);
  const write = (orders: AsyncIterable<FileOrder[]>) =>
    repository.consumeBlobs(
      'data',
      orders,
      fileWriter,
      {
        done: (work, result) => files.done(work, result),
        failed: (work, error) => files.failed(work, error),
      },
      options.signal,
    );
  try {
    const path = openTarget(posix, target, options.folder);
    const walk = new RestoreWalk({ repository, posix, report, files }, options);
    await write(walk.orders(tree, path));
    for (let more = await files.takeLater(); more.length > 0; more = await files.takeLater())
      await write(once(more));
  } catch (error) {
    throw explain(error, target);
  } finally {
    files.removeTemporaries();
  }
  report.sayOwners();
  return { ...report.summary, tree };
}

async function* once<T>(value: T): AsyncGenerator<T, void, void> {
  yield value;
}

/** Fails before anything is written where nothing could be. */
function openTarget(posix: Posix, target: string, folder: Node | undefined): Buffer {
  mkdirSync(target, { recursive: true });
  const path = Buffer.from(realpathSync(target));
  // An earlier run may have given it a mode that lets nobody write; it gets that again at the end.
  if (folder !== undefined) makeFolder(posix, path);
  accessSync(path, constants.W_OK | constants.X_OK);
  return path;
}
