import { IdSet } from './id-set.ts';
import { isOfTheFile } from './read-blobs.ts';
import type { Repository } from './repository.ts';
import { encodeTreeJson, parseTreeJson, type TreeJson } from './tree-json.ts';
import type { Id } from './types.ts';

export interface RepairedTree {
  /** Its own ID where nothing is gone; undefined where it cannot be read at all. */
  tree: Id | undefined;
  /** Paths below it that lose something, with a slash before each. */
  lost: string[];
}

export interface TreeTools {
  repository: Pick<Repository, 'loadBlob' | 'blobSize'>;
  /** Stores a tree that was changed, or only names it. */
  save: (json: Buffer) => Promise<Id>;
  signal: AbortSignal | undefined;
}

/**
 * Leaves out of trees what is gone, as restic does: of a file the pieces that no index knows, of a folder that cannot be read
 * all that was in it. Each tree is looked at once, however many snapshots share it.
 */
export function treeRepairer({ repository, save, signal }: TreeTools): (id: Id) => Promise<RepairedTree> {
  const sound = new IdSet();
  const changed = new Map<Id, RepairedTree>();

  async function repair(id: Id): Promise<RepairedTree> {
    signal?.throwIfAborted();
    if (sound.has(id)) return { tree: id, lost: [] };
    const known = changed.get(id);
    if (known) return known;
    const listing = await load(id);
    const lost = listing === undefined ? ['/'] : await repairNodes(listing);
    if (lost === undefined) {
      sound.add(id);
      return { tree: id, lost: [] };
    }
    const repaired = { tree: listing && (await save(encodeTreeJson(listing))), lost };
    changed.set(id, repaired);
    return repaired;
  }

  async function load(id: Id): Promise<TreeJson | undefined> {
    try {
      return parseTreeJson(await repository.loadBlob('tree', id));
    } catch (error) {
      if (isOfTheFile(error)) return undefined;
      throw error;
    }
  }

  /** Changes the nodes in place; undefined where there was nothing to change. */
  async function repairNodes({ nodes }: TreeJson): Promise<string[] | undefined> {
    const lost: string[] = [];
    let isChanged = false;
    for (const node of nodes) {
      const name = `/${String(node['name'])}`;
      const { subtree } = node;
      if (typeof subtree === 'string') {
        const below = await repair(subtree);
        if (below.tree === subtree) continue;
        node['subtree'] = below.tree ?? (await save(encodeTreeJson({ nodes: [] })));
        for (const path of below.lost) lost.push(`${name}${path}`);
      } else if (repairContent(node)) lost.push(name);
      else continue;
      isChanged = true;
    }
    return isChanged ? lost : undefined;
  }

  function repairContent(node: Record<string, unknown>): boolean {
    const { content } = node;
    if (node['type'] !== 'file' || !Array.isArray(content)) return false;
    const sizes = content.map((id: unknown) => repository.blobSize('data', String(id)));
    const there = content.filter((_, at) => sizes[at] !== undefined);
    const sizeBytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    if (there.length === content.length && (node['size'] ?? 0) === sizeBytes) return false;
    node['content'] = there;
    // Go leaves a zero out.
    if (sizeBytes > 0) node['size'] = sizeBytes;
    else delete node['size'];
    return true;
  }

  return repair;
}
