import type { Emit } from '../events.ts';
import type { Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import { describeError } from './system-error.ts';
import { loadTree, type TreeReader } from './trees.ts';

/** How many folders are loaded before the walk reaches them, at each level it is in. */
const ahead = 8;

/** The folders of the previous snapshot, loaded a little before they are needed. One that is damaged counts as empty. */
export class ParentTrees {
  readonly #repository: TreeReader;
  readonly #emit: Emit;
  readonly #loading = new Map<Id, Promise<Node[]>>();

  constructor(repository: TreeReader, emit: Emit) {
    this.#repository = repository;
    this.#emit = emit;
  }

  async take(tree: Id | undefined): Promise<readonly Node[]> {
    if (tree === undefined) return [];
    const nodes = this.#loading.get(tree) ?? this.#load(tree);
    this.#loading.delete(tree);
    return nodes;
  }

  /** The walk is at `from` among the folders of `nodes`: the next ones are wanted soon. */
  expect(nodes: readonly Node[], from: number): void {
    let wanted = ahead;
    for (let at = from; at < nodes.length && wanted > 0; at += 1) {
      const tree = nodes[at]?.subtree;
      if (tree === undefined) continue;
      wanted -= 1;
      if (!this.#loading.has(tree)) this.#loading.set(tree, this.#load(tree));
    }
  }

  /** Never rejects. */
  async #load(tree: Id): Promise<Node[]> {
    try {
      return await loadTree(this.#repository, tree);
    } catch (error) {
      this.#emit({
        type: 'warning',
        code: 'parent-unreadable',
        message: `A folder of the previous snapshot cannot be read; its files are read again. ${describeError(error)}`,
      });
      return [];
    }
  }
}
