import { RelocateError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import { decodeTree, type Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import { splitSnapshotPath } from './paths.ts';

/** No file system lets a path be deeper; a snapshot that says so is not one of a disk. */
export const maxDepth = 2048;

export type TreeReader = Pick<Repository, 'loadBlob'>;

export async function loadTree(repository: TreeReader, tree: Id): Promise<Node[]> {
  return decodeTree(await repository.loadBlob('tree', tree));
}

/** The node at a path of the snapshot, e.g. `/data/db`; undefined where there is none. Follows no symlinks. */
export async function findNode(
  repository: TreeReader,
  snapshotTree: Id,
  path: string,
): Promise<Node | undefined> {
  let tree: Id | undefined = snapshotTree;
  let found: Node | undefined;
  for (const name of splitSnapshotPath(path)) {
    if (tree === undefined) return undefined;
    found = (await loadTree(repository, tree)).find((node) => node.name.equals(name));
    tree = found?.subtree;
  }
  return found;
}

/** Throws `snapshot-hostile` below a depth that no disk has. */
export function assertDepth(depth: number): void {
  if (depth <= maxDepth) return;
  throw new RelocateError(
    'snapshot-hostile',
    `The snapshot’s folders are nested more than ${maxDepth} deep.`,
    {
      hint: 'What was restored before stays. Restore a part of it with: relocate restore ID --include PATH --target DIR',
    },
  );
}
