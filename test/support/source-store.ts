import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { silent } from '../../src/events.ts';
import { createArchive } from '../../src/filesystem/archive.ts';
import { savedTree } from '../../src/filesystem/restore.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { Captured, PreparedCapture, SavedTree } from '../../src/sources/source.ts';
import { LocalStorage } from '../../src/storage/local.ts';

/** A real repository of the test's, for what sources capture. */
export interface SourceStore {
  folder: string;
  /** Captures into the folder `/data/db` of a new tree; ends with the reason of the signal when it aborts. */
  capture(prepared: PreparedCapture, signal: AbortSignal): Promise<{ captured: Captured; tree: string }>;
  read(tree: string): Promise<SavedTree>;
  close(): Promise<void>;
}

const password = 'of a test';
const savedPath = '/data/db';

export async function createSourceStore(parent: string): Promise<SourceStore> {
  const folder = await mkdtemp(path.join(parent, 'repository-'));
  const repository = await createRepository(new LocalStorage(folder), password);
  return {
    folder,
    capture: (prepared, signal) =>
      repository.withLock('shared', {}, async () => {
        const archive = createArchive(repository, { emit: silent, signal });
        const captured = await prepared.capture(archive.slot(savedPath));
        const { tree } = await archive.finish();
        await repository.flush();
        return { captured, tree };
      }),
    read: (tree) => readTree(repository, tree),
    close: () => repository.close(),
  };
}

/** For another process. */
export async function openSavedTree(
  folder: string,
  tree: string,
): Promise<{ saved: SavedTree; close: () => Promise<void> }> {
  const repository = await openRepository(new LocalStorage(folder), password);
  return { saved: await readTree(repository, tree), close: () => repository.close() };
}

function readTree(repository: Parameters<typeof savedTree>[0], tree: string): Promise<SavedTree> {
  return savedTree(repository, tree, savedPath, { emit: silent, signal: new AbortController().signal });
}
