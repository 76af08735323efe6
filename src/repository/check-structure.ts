import { RelocateError } from '../errors.ts';
import type { BlobTable } from './blob-table.ts';
import type { Problems } from './problems.ts';
import { decodeTree } from './tree.ts';
import type { BlobType, Id, StoredSnapshot } from './types.ts';

const short = (id: Id) => id.slice(0, 8);

/** Whether the packs that the index names are there, and long enough for what is said to be in them. */
export function checkPacks(
  table: BlobTable,
  present: ReadonlyMap<Id, number>,
  problems: Problems,
  hints: Problems,
): void {
  const packs = table.packs();
  const blobs = new Uint32Array(packs.length);
  for (let row = 0; row < table.size; row += 1) {
    const pack = table.packNumberAt(row);
    blobs[pack] = (blobs[pack] ?? 0) + 1;
  }
  for (const [number, pack] of packs.entries()) {
    const sizeBytes = present.get(pack);
    const needed = table.packEnd(pack);
    if (sizeBytes === undefined)
      problems.add(`Pack ${short(pack)} is missing; ${blobs[number]} blobs were in it.`);
    else if (sizeBytes < needed)
      problems.add(`Pack ${short(pack)} is cut off: ${sizeBytes} bytes of at least ${needed}.`);
  }
  const known = new Set(packs);
  for (const pack of present.keys()) {
    if (!known.has(pack)) hints.add(`Pack ${short(pack)} is in no index; it costs room and harms nothing.`);
  }
}

/** A folder on the way from a snapshot's root down. */
interface OpenTree {
  id: Id;
  /** Folders in it that were not looked at yet. */
  subtrees: Id[];
  isDamaged: boolean;
}

/** Walks the trees of snapshots, each tree once however many snapshots share it. */
export class TreeCheck {
  readonly #table: BlobTable;
  readonly #loadBlob: (type: BlobType, id: Id) => Promise<Buffer>;
  readonly #problems: Problems;
  /** By the tree's row in the table. */
  readonly #seen: Uint8Array;
  /** Trees that are damaged, or hold one that is: few, unless all is lost. */
  readonly #damaged = new Set<Id>();

  constructor(table: BlobTable, loadBlob: (type: BlobType, id: Id) => Promise<Buffer>, problems: Problems) {
    this.#table = table;
    this.#loadBlob = loadBlob;
    this.#problems = problems;
    this.#seen = new Uint8Array(table.size);
  }

  async check(snapshot: StoredSnapshot, signal?: AbortSignal): Promise<void> {
    if (!this.#isNew(snapshot.tree)) {
      if (this.#damaged.has(snapshot.tree)) this.#sayAgain(snapshot);
      return;
    }
    const path = [await this.#open(snapshot, snapshot.tree)];
    let sharesDamage = false;
    for (let tree = path.at(-1); tree !== undefined; tree = path.at(-1)) {
      signal?.throwIfAborted();
      const next = tree.subtrees.pop();
      if (next === undefined) {
        path.pop();
        if (!tree.isDamaged) continue;
        this.#damaged.add(tree.id);
        const parent = path.at(-1);
        if (parent) parent.isDamaged = true;
      } else if (this.#isNew(next)) {
        path.push(await this.#open(snapshot, next));
      } else if (this.#damaged.has(next)) {
        tree.isDamaged = true;
        sharesDamage = true;
      }
    }
    if (sharesDamage) this.#sayAgain(snapshot);
  }

  #sayAgain({ id }: StoredSnapshot): void {
    this.#problems.add(`Snapshot ${short(id)}: holds folders, too, that are damaged in another snapshot.`);
  }

  /** Marks it as seen. One that the index does not know is new each time. */
  #isNew(tree: Id): boolean {
    const row = this.#table.rowOf('tree', tree);
    if (row === undefined) return true;
    const isNew = this.#seen[row] === 0;
    this.#seen[row] = 1;
    return isNew;
  }

  async #open(snapshot: StoredSnapshot, id: Id): Promise<OpenTree> {
    const tree: OpenTree = { id, subtrees: [], isDamaged: false };
    const say = (problem: string) => {
      tree.isDamaged = true;
      this.#problems.add(`Snapshot ${short(snapshot.id)}: ${problem}`);
    };
    try {
      for (const node of decodeTree(await this.#loadBlob('tree', id))) {
        if (node.subtree !== undefined) tree.subtrees.push(node.subtree);
        for (const blob of node.content ?? [])
          if (!this.#table.has('data', blob))
            say(`blob ${short(blob)} of ${node.name.toString()} is missing.`);
      }
    } catch (error) {
      if (!(error instanceof RelocateError)) throw error;
      say(`folder ${short(id)}: ${error.message}`);
    }
    return tree;
  }
}
