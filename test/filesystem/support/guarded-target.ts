import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { silent } from '../../../src/events.ts';
import { restoreTree } from '../../../src/filesystem/restore.ts';
import type { DiskSummary } from '../../../src/sources/source.ts';
import { removeAll } from './awkward-tree.ts';
import { describeDisk } from './describe-disk.ts';
import { memoryRepository } from './memory-repository.ts';
import { treeWriter, type WrittenNode } from './written-tree.ts';

export const hostile: unknown = expect.objectContaining({
  code: 'snapshot-hostile',
  hint: expect.any(String),
});

/** A target with a folder beside it that must be unchanged after every test, and trees as an enemy writes them. */
export function guardedTarget() {
  let work = '';
  let before: string[] = [];
  let memory = memoryRepository();
  const outside = (...names: string[]) => join(work, 'outside', ...names);
  const at = (...names: string[]) => join(work, 'target', ...names);

  beforeEach(async () => {
    work = mkdtempSync(join(tmpdir(), 'relocate-hostile-'));
    memory = memoryRepository();
    mkdirSync(at());
    mkdirSync(outside('folder'), { recursive: true });
    writeFileSync(outside('canary'), 'alive', { mode: 0o640 });
    writeFileSync(outside('folder', 'canary'), 'alive');
    before = await describeDisk(outside());
  });
  afterEach(async () => {
    try {
      expect(await describeDisk(outside())).toEqual(before);
      expect(readdirSync(work).toSorted()).toEqual(['outside', 'target']);
    } finally {
      removeAll(work);
    }
  });

  const restoreId = (tree: string): Promise<DiskSummary> =>
    restoreTree(memory.repository, tree, at(), { emit: silent, signal: new AbortController().signal });
  /** Trees as an enemy writes them, in the order given. */
  const restore = async (...nodes: WrittenNode[]): Promise<DiskSummary> =>
    restoreId(await treeWriter(memory.repository).tree(...nodes));
  return {
    outside,
    at,
    left: () => readdirSync(at()).toSorted(),
    get repository() {
      return memory.repository;
    },
    get write() {
      return treeWriter(memory.repository);
    },
    /** Blobs of files of which the repository has the index only from now on. */
    forget: (...ids: string[]): void => {
      for (const id of ids) memory.blobs.data.get(id)?.fill(0);
    },
    /** What lies outside was changed by the test itself. */
    guardAgain: async (): Promise<void> => {
      before = await describeDisk(outside());
    },
    restoreId,
    restore,
    /** What it fails with; 'no error' where it doesn't. */
    restoreError: (...nodes: WrittenNode[]): Promise<unknown> =>
      restore(...nodes).then(
        () => 'no error',
        (error: unknown) => error,
      ),
  };
}
