import { hash } from 'node:crypto';
import { constants, readdirSync, readlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Repository } from '../repository/repository.ts';
import type { Node } from '../repository/tree.ts';
import type { Id } from '../repository/types.ts';
import type { DiskSummary } from '../sources/source.ts';
import { fileType, toPosixPermissions, type FileType } from './modes.ts';
import { joinPath, showPath } from './paths.ts';
import { loadPosix, type Posix } from './posix.ts';
import { isSystemError } from './system-error.ts';
import { assertDepth, loadTree } from './trees.ts';

export type CompareReader = Pick<Repository, 'loadBlob' | 'blobSize'>;

/**
 * Holds a folder on disk against a saved tree. Every byte is read back from the disk and digested in the stretches that
 * the repository cut it into; the digests must be the blob IDs. Differences are listed as problems: what is missing, what
 * is there too much, other types, permissions, sizes, link targets, bytes. Times and owners are not looked at: a service
 * may have touched a file, and only root can restore owners.
 */
export async function compareTree(
  repository: CompareReader,
  tree: Id,
  target: string,
  { signal }: { signal: AbortSignal },
): Promise<DiskSummary> {
  const comparison = new Comparison(repository, await loadPosix(), signal);
  await comparison.folder(tree, Buffer.from(target), 0);
  return { ...comparison.summary, tree };
}

class Comparison {
  readonly summary = {
    files: 0,
    directories: 0,
    symlinks: 0,
    sizeBytes: 0,
    problems: [] as DiskSummary['problems'],
  };
  readonly #repository: CompareReader;
  readonly #posix: Posix;
  readonly #signal: AbortSignal;

  constructor(repository: CompareReader, posix: Posix, signal: AbortSignal) {
    this.#repository = repository;
    this.#posix = posix;
    this.#signal = signal;
  }

  async folder(tree: Id, path: Buffer, depth: number): Promise<void> {
    assertDepth(depth);
    const wanted = new Map(
      (await loadTree(this.#repository, tree)).map((node) => [node.name.toString('latin1'), node]),
    );
    const present = this.#attempt(path, () => readdirSync(path, { encoding: 'buffer' }));
    if (present === undefined) return;
    for (const name of present) {
      this.#signal.throwIfAborted();
      const node = wanted.get(name.toString('latin1'));
      wanted.delete(name.toString('latin1'));
      await this.#entry(joinPath(path, name), node, depth);
    }
    for (const node of wanted.values()) {
      if (node.type !== 'socket') this.#problem(joinPath(path, node.name), 'it is missing');
    }
  }

  async #entry(path: Buffer, node: Node | undefined, depth: number): Promise<void> {
    const stat = this.#attempt(path, () => this.#posix.lstat(path));
    const type = stat && fileType(stat.mode);
    if (stat === undefined || type === undefined) return;
    this.#count(type, stat.size);
    if (node === undefined) {
      // Sockets are made by running services and are in no snapshot.
      if (type !== 'socket') this.#problem(path, 'it is not in the snapshot');
      return;
    }
    if (type !== node.type) {
      this.#problem(path, `it is a ${type}, and should be a ${node.type}`);
      return;
    }
    const permissions = stat.mode & 0o7777;
    const wanted = toPosixPermissions(node.mode);
    if (type !== 'symlink' && permissions !== wanted) {
      this.#problem(path, `its mode is ${permissions.toString(8)}, and should be ${wanted.toString(8)}`);
    }
    if (type === 'dir' && node.subtree !== undefined) await this.folder(node.subtree, path, depth + 1);
    if (type === 'file') await this.#content(path, node);
    if ((type === 'dev' || type === 'chardev') && stat.device !== node.device)
      this.#problem(path, 'it is another device');
    if (type === 'symlink') this.#linkTarget(path, node);
  }

  #count(type: FileType, sizeBytes: number): void {
    if (type === 'dir') this.summary.directories += 1;
    if (type === 'symlink') this.summary.symlinks += 1;
    if (type !== 'file') return;
    this.summary.files += 1;
    this.summary.sizeBytes += sizeBytes;
  }

  #linkTarget(path: Buffer, node: Node): void {
    const target = this.#attempt(path, () => readlinkSync(path, { encoding: 'buffer' }));
    if (target && !target.equals(node.linkTarget ?? Buffer.alloc(0)))
      this.#problem(path, 'it links to another place');
  }

  async #content(path: Buffer, node: Node): Promise<void> {
    try {
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const difference = await this.#differenceIn(file, node);
        if (difference !== undefined) this.#problem(path, difference);
      } finally {
        await file.close();
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#problem(path, error.message);
    }
  }

  async #differenceIn(file: FileHandle, node: Node): Promise<string | undefined> {
    const { size } = await file.stat();
    if (size !== node.size) return `it has ${size} bytes, and should have ${node.size}`;
    let position = 0;
    for (const id of node.content ?? []) {
      this.#signal.throwIfAborted();
      const length = this.#repository.blobSize('data', id);
      if (length === undefined) return 'the repository does not hold its content';
      if (hash('sha256', await readExactly(file, position, length)) !== id) {
        return `its bytes from ${position} to ${position + length} are others`;
      }
      position += length;
    }
    return position === size ? undefined : `it has ${size} bytes, and its content ${position}`;
  }

  #attempt<T>(path: Buffer, work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      this.#problem(path, error.message);
      return undefined;
    }
  }

  #problem(path: Buffer, reason: string): void {
    this.summary.problems.push({ path: showPath(path), reason });
  }
}

/** Shorter at the end of the file: the digest will then be another one. */
async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
