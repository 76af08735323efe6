import type { Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import { joinPath } from './paths.ts';
import { assertDepth, loadTree, type TreeReader } from './trees.ts';

/** All nodes below a tree, folders before what is in them, with their raw paths from `/`. */
export async function* listTree(
  repository: TreeReader,
  tree: Id,
  folder: Buffer = Buffer.alloc(0),
  depth = 0,
): AsyncGenerator<{ path: Buffer; node: Node }, void, void> {
  assertDepth(depth);
  for (const node of await loadTree(repository, tree)) {
    const path = joinPath(folder, node.name);
    yield { path, node };
    if (node.subtree !== undefined) yield* listTree(repository, node.subtree, path, depth + 1);
  }
}
