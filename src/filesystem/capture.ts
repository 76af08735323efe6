import { setImmediate } from 'node:timers/promises';
import type { Emit } from '../events.ts';
import type { Limit } from '../repository/limit.ts';
import type { Repository } from '../repository/repository.ts';
import { encodeTree, type Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import type { DiskSummary } from '../sources/source.ts';
import type { Change, Counts } from './counts.ts';
import { addAttributes, describeFile } from './disk-node.ts';
import { FolderLister } from './folder-lister.ts';
import type { FolderEntries } from './list-folder.ts';
import type { Owners } from './owners.ts';
import { ParentTrees } from './parent-trees.ts';
import { fromRaw, showPath, toRaw, type RawText } from './paths.ts';
import { isListed, patternPart, rootPart, type Pattern } from './patterns.ts';
import type { FileStat, Posix } from './posix.ts';
import { FileProblem } from './read-file.ts';
import { isSameNode, isUnchangedFile } from './same-node.ts';
import { beginFile, type SavedFile } from './save-file.ts';
import { describeError, isSystemError } from './system-error.ts';

/** What all captures of one snapshot share. */
export interface CaptureTools {
  repository: Repository;
  posix: Posix;
  owners: Owners;
  counts: Counts;
  /** One for each file that may be read at the same time. */
  permits: Limit;
  emit: Emit;
  signal: AbortSignal;
}

export interface FolderCapture {
  /** The folder itself: its metadata and, as `subtree`, all that is in it. */
  node: Node;
  summary: DiskSummary;
}

/** How long the walk may hold the thread before timers and signals get their turn. */
const maxBusyMs = 25;

/**
 * Saves a folder of the disk. One pass in the order of the names; files that are new are read several at a time while
 * the walk goes on, those that are as in the parent tree are not opened at all. Trouble with single files is listed in
 * `summary.problems`. Throws where the folder itself cannot be read, and what the repository throws.
 */
export async function captureFolder(
  tools: CaptureTools,
  path: Buffer,
  name: Buffer,
  { excludes, parent }: { excludes: readonly Pattern[]; parent: Node | undefined },
): Promise<FolderCapture> {
  const walk = new Walk(tools, excludes);
  const raw = toRaw(path);
  // A link in the folder's place stands for the folder: nobody wants the link alone.
  const itself = `${raw}/.`;
  const node = walk.describe(name, itself, tools.posix.lstat(itself));
  if (node?.type !== 'dir') throw new FileProblem('it is no folder');
  walk.addAttributes(node, { path: itself, mayHaveAttributes: true });
  try {
    const { done } = await walk.folder(raw, excludes.length === 0 ? [] : partsOf(raw), parent?.subtree);
    node.subtree = await done;
    return { node, summary: { ...walk.summary, tree: node.subtree } };
  } finally {
    // Nothing may write behind the caller's back, also after a failure.
    await Promise.allSettled(walk.reading);
    await walk.lister.close();
  }
}

function partsOf(path: RawText): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return [rootPart, ...names.map((name) => patternPart(fromRaw(name)))];
}

/** Wrapped, so that awaiting the walk of a folder doesn't await the files in it too. */
interface Pending<T> {
  done: Promise<T>;
}

/** An entry that was looked at. */
interface Seen {
  path: RawText;
  mayHaveAttributes: boolean;
}

/** An entry as the walk finds it: described already, left out, or work to be begun. */
type Found = Node | undefined | (() => Promise<Pending<Node | undefined> | undefined>);

class Walk {
  readonly summary = {
    files: 0,
    directories: 0,
    symlinks: 0,
    sizeBytes: 0,
    problems: [] as DiskSummary['problems'],
  };
  readonly reading = new Set<Promise<unknown>>();
  #freeAt = Date.now();
  #failure: { error: unknown } | undefined;
  readonly #tools: CaptureTools;
  readonly #excludes: readonly Pattern[];
  readonly #parents: ParentTrees;
  readonly lister: FolderLister;

  constructor(tools: CaptureTools, excludes: readonly Pattern[]) {
    this.#tools = tools;
    this.#excludes = excludes;
    this.#parents = new ParentTrees(tools.repository, tools.emit);
    this.lister = new FolderLister(tools.posix);
  }

  describe(name: Buffer, path: RawText, stat: FileStat): Node | undefined {
    return describeFile(name, path, stat, this.#tools.owners);
  }

  addAttributes(node: Node, { path, mayHaveAttributes }: Seen): Node {
    if (!mayHaveAttributes) return node;
    addAttributes(node, path, this.#tools.posix, (error) =>
      this.#problem(path, `its extended attributes could not be read: ${describeError(error)}`),
    );
    return node;
  }

  async folder(path: RawText, parts: readonly string[], parentTree: Id | undefined): Promise<Pending<Id>> {
    const entries = await this.lister.take(path);
    let nextFolder = 0;
    this.lister.expect(path, entries, nextFolder);
    const parents = await this.#parents.take(parentTree);
    const nodes: (Node | Promise<Node | undefined>)[] = [];
    let next = 0;
    for (const [index, name] of entries.names.entries()) {
      if (Date.now() - this.#freeAt > maxBusyMs) await this.#breathe();
      let parent = parents[next];
      while (parent !== undefined && toRaw(parent.name) < name) parent = parents[++next];
      if (parent !== undefined && toRaw(parent.name) !== name) parent = undefined;
      const found = this.#find(`${path}/${name}`, { entries, index }, parts, parent);
      if (typeof found !== 'function') {
        if (found) nodes.push(found);
        continue;
      }
      if (parent?.subtree !== undefined) this.#parents.expect(parents, next);
      while ((entries.folders[nextFolder] ?? index + 1) <= index) nextFolder += 1;
      this.lister.expect(path, entries, nextFolder);
      const begun = await this.#begin(`${path}/${name}`, found);
      if (begun) nodes.push(begun.done);
    }
    return { done: this.#handled(this.#saveFolder(nodes, parents, parentTree)) };
  }

  #find(
    path: RawText,
    { entries, index }: { entries: FolderEntries; index: number },
    folderParts: readonly string[],
    parent: Node | undefined,
  ): Found {
    const name = entries.names[index] ?? '';
    const parts = this.#excludes.length === 0 ? folderParts : [...folderParts, patternPart(fromRaw(name))];
    if (this.#excludes.length > 0 && isListed(this.#excludes, parts)) return undefined;
    try {
      const stat = entries.statOf(index);
      const look = { path, mayHaveAttributes: entries.mayHaveAttributes(index) };
      const node = this.describe(parent?.name ?? fromRaw(name), path, stat);
      // restic leaves sockets out: they are the end of a running process, not data.
      if (node === undefined || node.type === 'socket') return undefined;
      if (node.type === 'dir')
        return () => this.#subfolder(this.addAttributes(node, look), path, parts, parent);
      if (node.type === 'file')
        return this.#unchangedFile(node, look, parent) ?? (() => this.#newFile(look, node, stat, parent));
      if (node.type === 'symlink') this.summary.symlinks += 1;
      return asBefore(this.addAttributes(node, look), parent);
    } catch (error) {
      this.#problem(path, reasonOf(error));
      return undefined;
    }
  }

  /** Work that cannot even be begun is the entry's own trouble. */
  async #begin<T>(path: RawText, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#problem(path, reasonOf(error));
      return undefined;
    }
  }

  async #subfolder(
    node: Node,
    path: RawText,
    parts: readonly string[],
    parent: Node | undefined,
  ): Promise<Pending<Node>> {
    const { done } = await this.folder(path, parts, parent?.subtree);
    this.summary.directories += 1;
    const finish = async (): Promise<Node> => {
      node.subtree = await done;
      const result = asBefore(node, parent);
      this.#tools.counts.folder(parent === undefined ? 'new' : result === parent ? 'unmodified' : 'changed');
      return result;
    };
    return { done: this.#handled(finish()) };
  }

  #unchangedFile(node: Node, look: Seen, parent: Node | undefined): Node | undefined {
    if (parent?.content === undefined || !isUnchangedFile(node, parent)) return undefined;
    if (parent.content.every((id) => this.#tools.repository.hasBlob('data', id))) {
      node.content = parent.content;
      this.#countFile(look.path, node, 'unmodified');
      return asBefore(this.addAttributes(node, look), parent);
    }
    this.#tools.emit({
      type: 'warning',
      code: 'content-missing',
      message: `${show(look.path)} is unchanged, but the repository has lost parts of it: it is stored again.`,
      item: show(look.path),
    });
    return undefined;
  }

  async #newFile(
    look: Seen,
    node: Node,
    stat: FileStat,
    parent: Node | undefined,
  ): Promise<Pending<Node | undefined>> {
    const { done } = await beginFile(this.#tools, look.path, node, stat);
    return { done: this.#handled(this.#finishFile(look, done, parent)) };
  }

  async #finishFile(
    look: Seen,
    saving: Promise<SavedFile>,
    parent: Node | undefined,
  ): Promise<Node | undefined> {
    const { node, problem } = await saving;
    if (problem !== undefined) this.#problem(look.path, problem);
    if (node === undefined) return undefined;
    this.#countFile(look.path, node, parent === undefined ? 'new' : 'changed');
    return asBefore(this.addAttributes(node, look), parent);
  }

  /** A folder in which every node is the one of the parent snapshot is that snapshot's folder: nothing to be saved. */
  async #saveFolder(
    pending: readonly (Node | Promise<Node | undefined>)[],
    parents: readonly Node[],
    parentTree: Id | undefined,
  ): Promise<Id> {
    const nodes: Node[] = [];
    for (const one of pending) {
      const node = one instanceof Promise ? await one : one;
      if (node) nodes.push(node);
    }
    const isSame = nodes.length === parents.length && nodes.every((node, index) => node === parents[index]);
    if (isSame && parentTree !== undefined && this.#tools.repository.hasBlob('tree', parentTree))
      return parentTree;
    return this.#tools.repository.saveTree(encodeTree(nodes));
  }

  #countFile(path: RawText, node: Node, change: Change): void {
    this.summary.files += 1;
    this.summary.sizeBytes += node.size;
    this.#tools.counts.file(node, change, () => show(path));
  }

  #problem(path: RawText, reason: string): void {
    this.summary.problems.push({ path: show(path), reason });
  }

  async #breathe(): Promise<void> {
    await setImmediate();
    this.#freeAt = Date.now();
    this.#tools.signal.throwIfAborted();
    if (this.#failure) throw this.#failure.error;
  }

  /** Remembers work under way: its failure stops the walk, also while nobody waits for it yet. */
  #handled<T>(work: Promise<T>): Promise<T> {
    this.reading.add(work);
    work
      .catch((error: unknown) => (this.#failure ??= { error }))
      .finally(() => this.reading.delete(work))
      .catch(() => {});
    return work;
  }
}

/** The parent's own node if that says exactly the same. */
const asBefore = (node: Node, parent: Node | undefined): Node =>
  parent !== undefined && isSameNode(node, parent) ? parent : node;

const show = (path: RawText): string => showPath(fromRaw(path));

/** In words, if it is the file system's; anything else is thrown on. */
function reasonOf(error: unknown): string {
  if (isSystemError(error)) return describeError(error);
  throw error;
}
