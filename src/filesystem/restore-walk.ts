import { setImmediate } from 'node:timers/promises';
import type { Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import { applyMetadata, metadataOf } from './metadata.ts';
import { joinPath } from './paths.ts';
import { makeFolder, makeSpecial, makeSymlink } from './place.ts';
import type { Posix } from './posix.ts';
import type { FileOrder, RestoreFiles } from './restore-files.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreOptions } from './restore-tree.ts';
import { below, createSelection, rootPath, type Selection } from './selection.ts';
import { TargetFolder } from './target-folder.ts';
import { assertDepth, loadTree, type TreeReader } from './trees.ts';
import { temporaryPath, temporaryPrefix } from './write-file.ts';

const maxBusyMs = 25;
/** A folder of a million files is ordered in parts. */
const ordersAtOnce = 1000;
/** Subtrees of a folder that are loaded before the walk comes to them. */
const treesAhead = 8;

export interface WalkTools {
  repository: TreeReader;
  posix: Posix;
  report: RestoreReport;
  files: RestoreFiles;
}

/** A folder that the walk is in. */
interface Level {
  nodes: Node[];
  /** The next node. */
  at: number;
  folder: TargetFolder;
  /** For patterns; not kept where all is taken. */
  path: readonly string[];
  /** Names in the folder that a temporary file must not take. */
  taken: ReadonlySet<string>;
  subtrees: TreesAhead;
}

/** Goes through a tree, makes folders, links and devices, and orders what is in files. */
export class RestoreWalk {
  readonly #tools: WalkTools;
  readonly #options: RestoreOptions;
  readonly #selection: Selection;
  #freeAt = Date.now();

  constructor(tools: WalkTools, options: RestoreOptions) {
    this.#tools = tools;
    this.#options = options;
    this.#selection = createSelection(options);
  }

  async *orders(tree: Id, target: Buffer): AsyncGenerator<FileOrder[], void, void> {
    const root = new TargetFolder(target, undefined, {
      make: () => false,
      finish: () => {
        if (this.#options.folder) this.#finishFolder(target, this.#options.folder);
      },
    });
    root.make();
    const levels = [this.#level(await loadTree(this.#tools.repository, tree), root, rootPath)];
    let orders: FileOrder[] = [];
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      await this.#breathe();
      const node = level.nodes[level.at];
      level.at += 1;
      if (node === undefined) {
        levels.pop();
        level.folder.release();
      } else if (node.type === 'dir') {
        const inner = await this.#enter(node, level, levels.length);
        if (inner !== undefined) levels.push(inner);
      } else if (this.#selection.choose(this.#pathOf(level, node)).take) {
        orders.push(...(await this.#entry(node, level)));
      }
      if (orders.length >= ordersAtOnce || (node === undefined && orders.length > 0)) {
        yield orders;
        orders = [];
      }
    }
  }

  #pathOf({ path }: Level, node: Node): readonly string[] {
    return this.#selection.everything ? path : below(path, node.name);
  }

  #level(nodes: Node[], folder: TargetFolder, path: readonly string[]): Level {
    const names = nodes.map((node) => node.name.toString('latin1'));
    const taken = new Set(names.filter((name) => name.startsWith(temporaryPrefix)));
    return {
      nodes,
      at: 0,
      folder,
      path,
      taken,
      subtrees: new TreesAhead(this.#tools.repository, nodes),
    };
  }

  async #enter(node: Node, level: Level, depth: number): Promise<Level | undefined> {
    const path = this.#pathOf(level, node);
    const { take, descend } = this.#selection.choose(path);
    if (!descend || node.subtree === undefined) return undefined;
    assertDepth(depth);
    const diskPath = joinPath(level.folder.path, node.name);
    const folder = new TargetFolder(diskPath, level.folder, {
      make: () => makeFolder(this.#tools.posix, diskPath, level.folder.isNew),
      finish: () => {
        this.#tools.report.summary.directories += 1;
        this.#finishFolder(diskPath, node);
      },
    });
    if (take && !this.#tools.report.attempt(diskPath, () => folder.make())) {
      folder.release();
      return undefined;
    }
    return this.#level(await level.subtrees.take(node.subtree), folder, path);
  }

  /** Last of all, when nothing in it changes any more: writing into a folder changes its time. */
  #finishFolder(path: Buffer, node: Node): void {
    this.#tools.report.attempt(path, () => this.#applyMetadata(path, node));
  }

  async #entry(node: Node, { folder, taken }: Level): Promise<FileOrder[]> {
    const { report, files } = this.#tools;
    const path = joinPath(folder.path, node.name);
    if (node.type === 'socket' || !report.attempt(path, () => folder.make())) return [];
    if (node.type === 'file') {
      const temporary = temporaryPath(folder.path, node.name, (name) => taken.has(name));
      return files.add(node, { path, temporary }, folder);
    }
    report.attempt(path, () => this.#makeOther(path, node));
    return [];
  }

  #makeOther(path: Buffer, node: Node): void {
    const { posix, report } = this.#tools;
    if (node.type === 'symlink') {
      makeSymlink(posix, path, node.linkTarget ?? Buffer.alloc(0));
      report.summary.symlinks += 1;
    } else {
      if (node.type !== 'fifo' && process.geteuid?.() !== 0) {
        report.problem(path, 'only root can make a device');
        return;
      }
      makeSpecial(posix, path, node);
    }
    this.#applyMetadata(path, node);
  }

  #applyMetadata(path: Buffer, node: Node): void {
    const { posix, report } = this.#tools;
    report.owner(applyMetadata(posix, path, metadataOf(node), (reason) => report.problem(path, reason)));
  }

  async #breathe(): Promise<void> {
    if (Date.now() - this.#freeAt <= maxBusyMs) return;
    await setImmediate();
    this.#freeAt = Date.now();
    this.#options.signal.throwIfAborted();
  }
}

/** Loads the subtrees of a folder a few before they are asked for: a distant storage is slow to answer, not to send. */
class TreesAhead {
  readonly #repository: TreeReader;
  readonly #wanted: Iterator<Id>;
  readonly #loading: { tree: Id; nodes: Promise<Node[]> }[] = [];

  constructor(repository: TreeReader, nodes: readonly Node[]) {
    this.#repository = repository;
    this.#wanted = nodes.flatMap(({ subtree }) => subtree ?? []).values();
  }

  /** In the order of the nodes; some may be left out. */
  take(tree: Id): Promise<Node[]> {
    for (;;) {
      while (this.#loading.length < treesAhead) {
        const next = this.#wanted.next();
        if (next.done === true) break;
        const nodes = loadTree(this.#repository, next.value);
        nodes.catch(() => {});
        this.#loading.push({ tree: next.value, nodes });
      }
      const first = this.#loading.shift();
      if (first === undefined) return loadTree(this.#repository, tree);
      if (first.tree === tree) return first.nodes;
    }
  }
}
