import { damaged } from './document.ts';
import type { Id } from './types.ts';

/** The blobs that a folder's listing names. */
export interface TreeReferences {
  subtrees: Id[];
  /** Data blobs; one may be there several times. */
  content: Id[];
}

const hexId = /^[0-9a-f]{64}$/;

/**
 * What a tree blob refers to, and nothing else of it: a listing that no restore would take, for its names or numbers,
 * still holds on to its data. Throws `repository-damaged` where what it refers to cannot be told.
 */
export function treeReferences(json: Buffer, tree: Id): TreeReferences {
  const references: TreeReferences = { subtrees: [], content: [] };
  const bad = (cause?: unknown) => damaged(`folder ${tree.slice(0, 8)}`, cause);
  const idOf = (value: unknown): Id => {
    if (typeof value === 'string' && hexId.test(value)) return value;
    throw bad();
  };
  for (const node of nodesOf(json, bad)) {
    if (typeof node !== 'object' || node === null) throw bad();
    const { content, subtree }: { content?: unknown; subtree?: unknown } = node;
    if (subtree !== undefined && subtree !== null) references.subtrees.push(idOf(subtree));
    if (content === undefined || content === null) continue;
    if (!Array.isArray(content)) throw bad();
    for (const id of content as unknown[]) references.content.push(idOf(id));
  }
  return references;
}

function nodesOf(json: Buffer, bad: (cause?: unknown) => Error): unknown[] {
  let tree: unknown;
  try {
    tree = JSON.parse(json.toString());
  } catch (cause) {
    throw bad(cause);
  }
  const nodes: unknown =
    typeof tree === 'object' && tree !== null && 'nodes' in tree ? tree.nodes : undefined;
  // Go writes null for a list that was never made.
  if (nodes === null) return [];
  if (!Array.isArray(nodes)) throw bad();
  return nodes as unknown[];
}
