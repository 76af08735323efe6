import { readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Emit } from '../events.ts';
import type { Repository } from '../repository/repository.ts';
import { encodeTree, type Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import type { DiskSummary } from '../sources/source.ts';
import type { Counts } from './counts.ts';
import { addAttributes, describeFile } from './disk-node.ts';
import { fileType } from './modes.ts';
import type { Owners } from './owners.ts';
import { joinPath, showPath } from './paths.ts';
import { isListed, patternPart, rootPart, type Pattern } from './patterns.ts';
import type { Permits } from './permits.ts';
import type { FileStat, Posix } from './posix.ts';
import { describeError, FileProblem, readFile } from './read-file.ts';
import { isSameTime } from './times.ts';
import { loadTree } from './trees.ts';

/** What all captures of one snapshot share. */
export interface CaptureTools {
  repository: Repository;
  posix: Posix;
  owners: Owners;
  counts: Counts;
  /** One for each file that may be read at the same time. */
  permits: Permits;
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
  const stat = tools.posix.lstat(path);
  const node = walk.describe(name, path, stat);
  if (node?.type !== 'dir') throw new FileProblem('it is no folder');
  try {
    const parts = excludes.length === 0 ? [] : partsOf(path);
    const { done } = await walk.folder(path, parts, parent?.subtree);
    node.subtree = await done;
    return { node, summary: { ...walk.summary, tree: node.subtree } };
  } finally {
    // Nothing may write behind the caller's back, also after a failure.
    await Promise.allSettled(walk.reading);
  }
}

function partsOf(path: Buffer): string[] {
  const parts = path
    .toString('latin1')
    .split('/')
    .filter((part) => part !== '');
  return [rootPart, ...parts.map((part) => patternPart(Buffer.from(part, 'latin1')))];
}

/** Wrapped, so that awaiting the walk of a folder doesn't await the files in it too. */
interface Pending {
  done: Promise<Id>;
}

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

  constructor(tools: CaptureTools, excludes: readonly Pattern[]) {
    this.#tools = tools;
    this.#excludes = excludes;
  }

  describe(name: Buffer, path: Buffer, stat: FileStat): Node | undefined {
    const node = describeFile(name, path, stat, this.#tools.owners);
    if (node) addAttributes(node, path, this.#tools.posix, (error) => this.#attributesUnread(path, error));
    return node;
  }

  async folder(path: Buffer, parts: readonly string[], parentTree: Id | undefined): Promise<Pending> {
    const names = readdirSync(path, { encoding: 'buffer' }).sort((a, b) => a.compare(b));
    const parents = parentTree === undefined ? [] : await this.#loadParent(parentTree);
    const nodes: (Node | Promise<Node | undefined>)[] = [];
    let next = 0;
    for (const name of names) {
      if (Date.now() - this.#freeAt > maxBusyMs) await this.#breathe();
      while (next < parents.length && (parents[next]?.name.compare(name) ?? 0) < 0) next += 1;
      const parent = parents[next]?.name.equals(name) ? parents[next] : undefined;
      const node = await this.#entry(joinPath(path, name), name, parts, parent);
      if (node) nodes.push(node.value);
    }
    return { done: this.#handled(this.#saveFolder(nodes)) };
  }

  /** Undefined for what is left out. Wrapped, so that a file still being read is not waited for. */
  async #entry(
    path: Buffer,
    name: Buffer,
    folderParts: readonly string[],
    parent: Node | undefined,
  ): Promise<{ value: Node | Promise<Node | undefined> } | undefined> {
    const parts = this.#excludes.length === 0 ? folderParts : [...folderParts, patternPart(name)];
    if (this.#excludes.length > 0 && isListed(this.#excludes, parts)) return undefined;
    try {
      const stat = this.#tools.posix.lstat(path);
      const type = fileType(stat.mode);
      // restic leaves sockets out: they are the end of a running process, not data.
      if (type === 'socket') return undefined;
      if (type === 'dir') return await this.#subfolder(path, name, parts, stat, parent);
      if (type === 'file') return await this.#file(path, name, stat, parent);
      const node = this.describe(name, path, stat);
      if (type === 'symlink') this.summary.symlinks += 1;
      return node && { value: node };
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#problem(path, describeError(error));
      return undefined;
    }
  }

  async #subfolder(
    path: Buffer,
    name: Buffer,
    parts: readonly string[],
    stat: FileStat,
    parent: Node | undefined,
  ): Promise<{ value: Promise<Node> } | undefined> {
    const node = this.describe(name, path, stat);
    if (!node) return undefined;
    const { done } = await this.folder(path, parts, parent?.subtree);
    this.summary.directories += 1;
    const finish = async (): Promise<Node> => {
      node.subtree = await done;
      const same = parent !== undefined && encodeTree([parent]).equals(encodeTree([node]));
      this.#tools.counts.folder(parent === undefined ? 'new' : same ? 'unmodified' : 'changed');
      return node;
    };
    return { value: this.#handled(finish()) };
  }

  async #file(
    path: Buffer,
    name: Buffer,
    stat: FileStat,
    parent: Node | undefined,
  ): Promise<{ value: Node | Promise<Node | undefined> } | undefined> {
    if (parent?.content && isUnchanged(stat, parent)) {
      if (parent.content.every((id) => this.#tools.repository.hasBlob('data', id))) {
        const node = this.describe(name, path, stat);
        if (!node) return undefined;
        node.content = parent.content;
        this.#countFile(path, node, 'unmodified');
        return { value: node };
      }
      this.#tools.emit({
        type: 'warning',
        code: 'content-missing',
        message: `${showPath(path)} is unchanged, but the repository has lost parts of it: it is stored again.`,
        item: showPath(path),
      });
    }
    await this.#tools.permits.acquire();
    return { value: this.#handled(this.#readFile(path, name, parent)) };
  }

  async #readFile(path: Buffer, name: Buffer, parent: Node | undefined): Promise<Node | undefined> {
    const { repository, counts, signal, permits } = this.#tools;
    let readBytes = 0;
    const onBytes = (bytes: number): void => {
      readBytes += bytes;
      counts.reading(bytes, () => showPath(path));
    };
    try {
      const { stat, saved, changed } = await readFile(repository, path, { signal, onBytes });
      const node = this.describe(name, path, stat);
      if (!node) return undefined;
      node.content = saved.content;
      node.size = saved.sizeBytes;
      this.#countFile(path, node, parent === undefined ? 'new' : 'changed');
      if (changed !== undefined) this.#problem(path, changed);
      return node;
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      this.#problem(path, error.message);
      return undefined;
    } finally {
      counts.read(readBytes);
      permits.release();
    }
  }

  async #saveFolder(pending: readonly (Node | Promise<Node | undefined>)[]): Promise<Id> {
    const nodes: Node[] = [];
    for (const one of pending) {
      const node = one instanceof Promise ? await one : one;
      if (node) nodes.push(node);
    }
    return this.#tools.repository.saveTree(encodeTree(nodes));
  }

  #countFile(path: Buffer, node: Node, change: 'new' | 'changed' | 'unmodified'): void {
    this.summary.files += 1;
    this.summary.sizeBytes += node.size;
    this.#tools.counts.file(node, change, () => showPath(path));
  }

  async #loadParent(tree: Id): Promise<Node[]> {
    try {
      return await loadTree(this.#tools.repository, tree);
    } catch (error) {
      this.#tools.emit({
        type: 'warning',
        code: 'parent-unreadable',
        message: `A folder of the previous snapshot cannot be read; its files are read again. ${describeError(error)}`,
      });
      return [];
    }
  }

  #attributesUnread(path: Buffer, error: unknown): void {
    this.#problem(path, `its extended attributes could not be read: ${describeError(error)}`);
  }

  #problem(path: Buffer, reason: string): void {
    this.summary.problems.push({ path: showPath(path), reason });
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

/** As restic sees it: type, size, mtime, ctime and inode are those of the node that was saved. */
function isUnchanged(stat: FileStat, saved: Node): boolean {
  return (
    saved.type === 'file' &&
    stat.size === saved.size &&
    stat.inode === saved.inode &&
    isSameTime(stat.mtime, saved.mtime) &&
    isSameTime(stat.ctime, saved.ctime)
  );
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
