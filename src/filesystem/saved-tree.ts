import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Repository } from '../repository/repository.ts';
import type { Id } from '../repository/types.ts';
import type { SavedTree } from '../sources/source.ts';
import { compareTree } from './compare.ts';
import { splitSnapshotPath } from './paths.ts';
import { restoreTree } from './restore-tree.ts';
import { findNode, loadTree } from './trees.ts';

/** A folder of a snapshot, e.g. `/data/db`, for a source to read from. Throws `snapshot-missing` where it is none. */
export async function savedTree(
  repository: Pick<Repository, 'loadBlob' | 'consumeBlobs' | 'readContent' | 'blobSize'>,
  snapshotTree: Id,
  path: string,
  { emit, signal }: { emit: Emit; signal: AbortSignal },
): Promise<SavedTree> {
  const isRoot = splitSnapshotPath(path).length === 0;
  const folder = isRoot ? undefined : await findNode(repository, snapshotTree, path);
  const tree = isRoot ? snapshotTree : folder?.subtree;
  if (tree === undefined) throw missing(path, 'folder');
  const list = () => loadTree(repository, tree);
  return {
    list,
    async *read(name) {
      const node = await findNode(repository, tree, name);
      if (node?.type !== 'file') throw missing(`${path}/${name}`, 'file');
      yield* repository.readContent(node.content ?? [], signal);
    },
    writeTo: (target) => restoreTree(repository, tree, target, { emit, signal, folder }),
    compareWith: (target) => compareTree(repository, tree, target, { signal }),
  };
}

function missing(path: string, what: 'folder' | 'file'): RelocateError {
  return new RelocateError('snapshot-missing', `The snapshot holds no ${what} ${path}.`, {
    facts: { path },
    hint: 'See what it holds with: relocate show ID --files',
  });
}
