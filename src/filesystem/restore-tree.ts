import { accessSync, constants, mkdirSync, realpathSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Repository } from '../repository/repository.ts';
import type { Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import type { DiskSummary } from '../sources/source.ts';
import { applyMetadata } from './metadata.ts';
import { joinPath, showPath } from './paths.ts';
import { createPermits } from './permits.ts';
import { makeFolder, makeSpecial, makeSymlink } from './place.ts';
import { loadPosix, warnOfLimits, type Posix } from './posix.ts';
import { restoreFile, type FilePlace, type FileTools, type HardLinks } from './restore-file.ts';
import { below, createSelection, rootPath, type Selection } from './selection.ts';
import { isSystemError } from './system-error.ts';
import { assertDepth, loadTree } from './trees.ts';
import { temporaryPath } from './write-file.ts';

export interface RestoreOptions {
  emit: Emit;
  signal: AbortSignal;
  /** Patterns as restic takes them; paths begin at the tree's root. */
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  /** The node of the tree itself: its metadata goes to `target`. */
  folder?: Node | undefined;
}

export type RestoreReader = Pick<Repository, 'loadBlob' | 'readContent'>;

/** Files that are written at the same time; each holds a few blobs in memory. */
const filesAtOnce = 8;
const maxBusyMs = 25;
const progressEveryMs = 100;

/**
 * Writes a tree to a folder, which may hold the outcome of an earlier run: files whose size and time are right stay as
 * they are, everything else is made right, strangers are left alone. Nothing outside `target` is written, whatever the
 * tree says. Trouble with single files is listed in `problems`. Throws `disk-full`, `restore-failed`,
 * `snapshot-hostile`, and what the repository throws.
 */
export async function restoreTree(
  repository: RestoreReader,
  tree: Id,
  target: string,
  options: RestoreOptions,
): Promise<DiskSummary> {
  const posix = await loadPosix();
  if (posix.limits !== undefined) options.emit(warnOfLimits(posix.limits));
  const restore = new Restore(repository, posix, options);
  try {
    const folder = new TargetFolder(openTarget(posix, target, options.folder), undefined, undefined);
    const { done } = await restore.folder(tree, folder, rootPath, 0);
    await done;
    if (options.folder) restore.finishFolder(folder.path, options.folder);
  } catch (error) {
    throw explain(error, target);
  } finally {
    // Nothing may write behind the caller's back, also after a failure.
    await Promise.allSettled(restore.working);
  }
  restore.sayOwners();
  return { ...restore.summary, tree };
}

/** Fails before anything is written where nothing could be. */
function openTarget(posix: Posix, target: string, folder: Node | undefined): Buffer {
  mkdirSync(target, { recursive: true });
  const path = Buffer.from(realpathSync(target));
  // An earlier run may have given it a mode that lets nobody write; it gets that again at the end.
  if (folder !== undefined) makeFolder(posix, path);
  accessSync(path, constants.W_OK | constants.X_OK);
  return path;
}

/** A folder that is made when the first thing in it is: folders that hold nothing selected are not left behind. */
class TargetFolder {
  readonly path: Buffer;
  readonly #parent: TargetFolder | undefined;
  readonly #make: (() => void) | undefined;
  #made: boolean;

  constructor(path: Buffer, parent: TargetFolder | undefined, make: (() => void) | undefined) {
    this.path = path;
    this.#parent = parent;
    this.#make = make;
    this.#made = make === undefined;
  }

  get made(): boolean {
    return this.#made;
  }

  make(): void {
    if (this.#made) return;
    this.#parent?.make();
    this.#make?.();
    this.#made = true;
  }
}

interface Pending {
  done: Promise<void>;
}

class Restore {
  readonly summary = {
    files: 0,
    directories: 0,
    symlinks: 0,
    sizeBytes: 0,
    problems: [] as DiskSummary['problems'],
  };
  readonly working = new Set<Promise<unknown>>();
  readonly #repository: RestoreReader;
  readonly #posix: Posix;
  readonly #selection: Selection;
  readonly #options: RestoreOptions;
  readonly #permits = createPermits(filesAtOnce);
  readonly #links: HardLinks = new Map();
  #failure: { error: unknown } | undefined;
  #freeAt = Date.now();
  #saidAt = 0;
  #doneBytes = 0;
  #foreignOwners = 0;

  constructor(repository: RestoreReader, posix: Posix, options: RestoreOptions) {
    this.#repository = repository;
    this.#posix = posix;
    this.#selection = createSelection(options);
    this.#options = options;
  }

  async folder(tree: Id, folder: TargetFolder, path: readonly string[], depth: number): Promise<Pending> {
    assertDepth(depth);
    const nodes = await loadTree(this.#repository, tree);
    const names = new Set(nodes.map((node) => node.name.toString('latin1')));
    const pending: Promise<void>[] = [];
    for (const node of nodes) {
      await this.#breathe();
      const nodePath = this.#selection.everything ? path : below(path, node.name);
      const { take, descend } = this.#selection.choose(nodePath);
      if (node.type === 'dir') {
        if (descend) pending.push(...(await this.#subfolder(node, folder, nodePath, { take, depth })));
      } else if (take) {
        pending.push(...(await this.#entry(node, folder, names)));
      }
    }
    return { done: this.#handled(allDone(pending)) };
  }

  async #subfolder(
    node: Node,
    parent: TargetFolder,
    path: readonly string[],
    { take, depth }: { take: boolean; depth: number },
  ): Promise<Promise<void>[]> {
    const diskPath = joinPath(parent.path, node.name);
    const folder = new TargetFolder(diskPath, parent, () => makeFolder(this.#posix, diskPath));
    if (node.subtree === undefined || (take && !this.#attempt(diskPath, () => folder.make()))) return [];
    const { done } = await this.folder(node.subtree, folder, path, depth + 1);
    const finish = async (): Promise<void> => {
      await done;
      if (!folder.made) return;
      this.summary.directories += 1;
      this.finishFolder(diskPath, node);
    };
    return [this.#handled(finish())];
  }

  /** Last of all, when nothing in it changes any more: writing into a folder changes its time. */
  finishFolder(path: Buffer, node: Node): void {
    this.#attempt(path, () => this.#applyMetadata(path, path, node));
  }

  async #entry(node: Node, folder: TargetFolder, names: ReadonlySet<string>): Promise<Promise<void>[]> {
    const path = joinPath(folder.path, node.name);
    if (node.type === 'socket' || !this.#attempt(path, () => folder.make())) return [];
    if (node.type !== 'file') {
      this.#attempt(path, () => this.#makeOther(path, node));
      return [];
    }
    await this.#permits.acquire();
    const temporary = temporaryPath(folder.path, node.name, (name) => names.has(name));
    return [this.#handled(this.#file(node, { path, temporary }))];
  }

  #makeOther(path: Buffer, node: Node): void {
    if (node.type === 'symlink') {
      makeSymlink(this.#posix, path, node.linkTarget ?? Buffer.alloc(0));
      this.summary.symlinks += 1;
    } else {
      if (node.type !== 'fifo' && process.geteuid?.() !== 0) {
        this.#problem(path, 'only root can make a device');
        return;
      }
      makeSpecial(this.#posix, path, node);
    }
    this.#applyMetadata(path, path, node);
  }

  async #file(node: Node, place: FilePlace): Promise<void> {
    const tools: FileTools = {
      repository: this.#repository,
      posix: this.#posix,
      links: this.#links,
      signal: this.#options.signal,
      onBytes: (bytes) => this.#progress(bytes, place.path),
      applyMetadata: (path, node) => this.#applyMetadata(path, place.path, node),
    };
    try {
      const sizeBytes = await restoreFile(tools, node, place);
      this.summary.files += 1;
      this.summary.sizeBytes += sizeBytes;
      if (sizeBytes !== node.size)
        this.#problem(place.path, `the snapshot says ${node.size} bytes, and holds ${sizeBytes}`);
    } catch (error) {
      this.#problem(place.path, reasonOf(error));
    } finally {
      this.#permits.release();
    }
  }

  /** `at` is where the file is now, `path` where it will be: what people know it by. */
  #applyMetadata(at: Buffer, path: Buffer, node: Node): void {
    const owned = applyMetadata(this.#posix, at, node, (reason) => this.#problem(path, reason));
    if (!owned) this.#foreignOwners += 1;
  }

  sayOwners(): void {
    if (this.#foreignOwners === 0) return;
    this.#options.emit({
      type: 'warning',
      code: 'owners-not-restored',
      message: `${this.#foreignOwners} files and folders belong to you now: only root can give them back to their owners.`,
    });
  }

  /** True if it worked. What is the file's own trouble is listed, anything else is thrown. */
  #attempt(path: Buffer, work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#problem(path, reasonOf(error));
      return false;
    }
  }

  #problem(path: Buffer, reason: string): void {
    this.summary.problems.push({ path: showPath(path), reason });
  }

  #progress(bytes: number, path: Buffer): void {
    this.#doneBytes += bytes;
    const now = Date.now();
    if (now - this.#saidAt < progressEveryMs) return;
    this.#saidAt = now;
    this.#options.emit({
      type: 'progress',
      phase: 'restore',
      file: showPath(path),
      doneBytes: this.#doneBytes,
      doneItems: this.summary.files,
    });
  }

  async #breathe(): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    if (Date.now() - this.#freeAt <= maxBusyMs) return;
    await setImmediate();
    this.#freeAt = Date.now();
    this.#options.signal.throwIfAborted();
  }

  /** Remembers work under way: its failure stops the walk, also while nobody waits for it yet. */
  #handled<T>(work: Promise<T>): Promise<T> {
    this.working.add(work);
    work
      .catch((error: unknown) => (this.#failure ??= { error }))
      .finally(() => this.working.delete(work))
      .catch(() => {});
    return work;
  }
}

async function allDone(pending: readonly Promise<void>[]): Promise<void> {
  for (const one of pending) await one;
}

const noRoom = new Set(['ENOSPC', 'EDQUOT']);

/** In words, if it is the trouble of one file; thrown on otherwise: without room nothing else would work either. */
function reasonOf(error: unknown): string {
  if (error instanceof RelocateError && error.code === 'repository-damaged') return error.message;
  if (isSystemError(error) && !noRoom.has(error.code ?? '')) return error.message;
  throw error;
}

function explain(error: unknown, target: string): unknown {
  if (!isSystemError(error)) return error;
  if (noRoom.has(error.code ?? '')) {
    return new RelocateError('disk-full', `The disk of ${target} is full.`, {
      facts: { target },
      hint: 'What was restored so far is whole and stays; the snapshot is untouched. Make room and run the same command again: it goes on where it stopped.',
      cause: error,
    });
  }
  return new RelocateError('restore-failed', `${target} cannot be written: ${error.message}.`, {
    facts: { target },
    hint: 'The snapshot is untouched. Choose another --target, or mend this one and run the same command again.',
    cause: error,
  });
}
