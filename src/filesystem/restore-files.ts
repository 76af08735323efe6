import { closeSync, linkSync, renameSync, rmSync } from 'node:fs';
import type { BlobOrder } from '../repository/reader.ts';
import type { Repository } from '../repository/repository.ts';
import type { Node } from '../repository/tree.ts';
import { applyMetadata, metadataOf } from './metadata.ts';
import { fileType } from './modes.ts';
import { toRaw } from './paths.ts';
import { clear, look } from './place.ts';
import type { FileStat, Posix } from './posix.ts';
import { reasonOf, type RestoreReport } from './restore-report.ts';
import { reuseContent, type FilePart } from './reuse-content.ts';
import type { TargetFolder } from './target-folder.ts';
import { isSameTime } from './times.ts';
import type { FileFailed, FileWork, FileWritten } from './write-blob.ts';
import { createTemporary, finishFile, openTemporary, type FilePlace } from './write-file.ts';

export type FileOrder = BlobOrder<FileWork>;

interface File {
  node: Node;
  place: FilePlace;
  folder: TargetFolder;
  /** Names of the same file, where it has several. */
  group: LinkGroup | undefined;
  /** Blobs that are still to be written. */
  missing: number;
  sizeBytes: number;
  /** It was refused already; what else comes for it goes nowhere. */
  failed: boolean;
}

/** A file with several names, by device and inode at capture: the first one is written, the others are linked to it. */
interface LinkGroup {
  content: string;
  state: 'under-way' | 'written' | 'failed';
  first: Buffer;
  waiting: File[];
}

/** Files on their way to the disk: what is right is kept, what can be linked is linked, the rest is ordered. */
export class RestoreFiles {
  readonly #repository: Pick<Repository, 'blobSize'>;
  readonly #posix: Posix;
  readonly #report: RestoreReport;
  readonly #groups = new Map<string, LinkGroup>();
  readonly #byWork = new Map<FileWork, File>();
  /** Whose first name could not be written: each is tried for itself. */
  readonly #later: File[] = [];

  constructor(repository: Pick<Repository, 'blobSize'>, posix: Posix, report: RestoreReport) {
    this.#repository = repository;
    this.#posix = posix;
    this.#report = report;
  }

  /** What must be read for a file; nothing where it is there, or needs no reading. */
  async add(node: Node, place: FilePlace, folder: TargetFolder): Promise<FileOrder[]> {
    folder.hold();
    const file: File = {
      node,
      place,
      folder,
      group: undefined,
      missing: 0,
      sizeBytes: 0,
      failed: false,
    };
    if (node.links < 2 || node.inode === 0n) return this.#begin(file);
    const key = `${node.deviceId}:${node.inode}`;
    // Two nodes may only be one file if they also say the same of its content: the numbers alone prove nothing.
    const content = (node.content ?? []).join();
    const group = this.#groups.get(key);
    if (group === undefined) {
      file.group = { content, state: 'under-way', first: place.path, waiting: [] };
      this.#groups.set(key, file.group);
    } else if (group.content === content && group.state === 'under-way') {
      group.waiting.push(file);
      return [];
    } else if (group.content === content && group.state === 'written') {
      this.#link(file, group.first);
      return [];
    }
    return this.#begin(file);
  }

  /** Orders of files that turned out to need them while others were written. */
  async takeLater(): Promise<FileOrder[]> {
    const orders: FileOrder[] = [];
    for (const file of this.#later.splice(0)) orders.push(...(await this.#begin(file)));
    return orders;
  }

  done(work: FileWork, result: FileWritten | FileFailed): void {
    const file = this.#take(work);
    if (file === undefined || file.failed) return;
    if (typeof result === 'object' && 'error' in result) {
      this.#fail(file, Object.assign(new Error(result.error.message), result.error));
      return;
    }
    const { sizeBytes, owned, complaints } =
      typeof result === 'number' ? { sizeBytes: result, owned: true, complaints: [] } : result;
    file.sizeBytes += sizeBytes;
    file.missing -= 1;
    this.#report.progress(sizeBytes, file.place.path);
    if (work.kind === 'part') {
      if (file.missing === 0) this.#finish(file);
      return;
    }
    for (const reason of complaints) this.#report.problem(file.place.path, reason);
    this.#report.owner(owned);
    this.#end(file);
  }

  failed(work: FileWork, error: unknown): void {
    const file = this.#take(work);
    if (file !== undefined && !file.failed) this.#fail(file, error);
  }

  /** Of a restore that ended early, so that it leaves no litter. */
  removeTemporaries(): void {
    for (const [work, { place }] of this.#byWork) if (work.kind === 'part') removeQuietly(place.temporary);
  }

  #take(work: FileWork): File | undefined {
    const file = this.#byWork.get(work);
    this.#byWork.delete(work);
    return file;
  }

  async #begin(file: File): Promise<FileOrder[]> {
    try {
      return await this.#keepOrOrder(file);
    } catch (error) {
      this.#fail(file, error);
      return [];
    }
  }

  async #keepOrOrder(file: File): Promise<FileOrder[]> {
    const { node, place, folder } = file;
    const present = folder.isNew ? undefined : look(this.#posix, place.path);
    if (present !== undefined && isRight(present, node)) {
      this.#applyMetadata(place.path, node);
      file.sizeBytes = node.size;
      this.#report.progress(node.size, place.path);
      this.#end(file);
      return [];
    }
    const isFile = present !== undefined && fileType(present.mode) === 'file';
    if (present !== undefined && fileType(present.mode) === 'dir') clear(place.path, present);
    const [only, ...others] = node.content ?? [];
    if (only === undefined || others.length > 0) return this.#inParts(file, isFile && present.size > 0);
    const { path, temporary } = place;
    const work = {
      kind: 'file',
      path: toRaw(path),
      temporary: toRaw(temporary),
      metadata: metadataOf(node),
    } as const;
    return [this.#order(file, only, work)];
  }

  /** Threads write the parts as they come, into a file that is made here. */
  async #inParts(file: File, isOlderThere: boolean): Promise<FileOrder[]> {
    const { path, temporary } = file.place;
    const parts = this.#partsOf(file.node);
    const descriptor = createTemporary(temporary);
    let missing;
    try {
      missing = isOlderThere ? await reuseContent(path, descriptor, parts) : parts;
    } finally {
      closeSync(descriptor);
    }
    const reusedBytes = sizeOf(parts) - sizeOf(missing);
    if (reusedBytes > 0) this.#report.progress(reusedBytes, path);
    file.sizeBytes = reusedBytes;
    file.missing = missing.length;
    if (missing.length === 0) this.#finish(file);
    return missing.map(({ id, position, length }) =>
      this.#order(file, id, { kind: 'part', temporary: toRaw(temporary), position, length }),
    );
  }

  #partsOf(node: Node): FilePart[] {
    let position = 0;
    return (node.content ?? []).map((id) => {
      const length = this.#repository.blobSize('data', id) ?? 0;
      const part = { id, position, length };
      position += length;
      return part;
    });
  }

  #order(file: File, id: string, work: FileWork): FileOrder {
    this.#byWork.set(work, file);
    return { id, work };
  }

  /** A file whose parts are all there. */
  #finish(file: File): void {
    const { node, place, sizeBytes } = file;
    const complain = (reason: string) => this.#report.problem(place.path, reason);
    try {
      const descriptor = openTemporary(place.temporary);
      const metadata = metadataOf(node);
      this.#report.owner(finishFile(this.#posix, descriptor, place, { sizeBytes, metadata, complain }));
    } catch (error) {
      this.#fail(file, error);
      return;
    }
    this.#end(file);
  }

  #end(file: File): void {
    const { node, place, sizeBytes, folder, group } = file;
    const { summary } = this.#report;
    summary.files += 1;
    summary.sizeBytes += sizeBytes;
    if (sizeBytes !== node.size)
      this.#report.problem(place.path, `the snapshot says ${node.size} bytes, and holds ${sizeBytes}`);
    if (group !== undefined) {
      group.state = 'written';
      for (const other of group.waiting.splice(0)) this.#link(other, place.path);
    }
    folder.release();
  }

  #fail(file: File, error: unknown): void {
    file.failed = true;
    removeQuietly(file.place.temporary);
    this.#report.problem(file.place.path, reasonOf(error));
    if (file.group !== undefined) {
      file.group.state = 'failed';
      this.#later.push(...file.group.waiting.splice(0));
    }
    file.folder.release();
  }

  #link(file: File, source: Buffer): void {
    const { path, temporary } = file.place;
    try {
      const present = file.folder.isNew ? undefined : look(this.#posix, path);
      if (present !== undefined && fileType(present.mode) === 'dir') clear(path, present);
      rmSync(temporary, { force: true });
      linkSync(source, temporary);
      renameSync(temporary, path);
    } catch (error) {
      this.#fail(file, error);
      return;
    }
    file.sizeBytes = file.node.size;
    this.#report.progress(file.node.size, path);
    this.#end(file);
  }

  #applyMetadata(path: Buffer, node: Node): void {
    const complain = (reason: string) => this.#report.problem(path, reason);
    this.#report.owner(applyMetadata(this.#posix, path, metadataOf(node), complain));
  }
}

const sizeOf = (parts: readonly FilePart[]): number => parts.reduce((sum, { length }) => sum + length, 0);

/** What cannot be removed is told by the trouble that it makes next. */
function removeQuietly(temporary: Buffer): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // A folder of that name, for one.
  }
}

/**
 * As restic's `if-changed`: size and time say it, and the time is set after the content was written. A file with other
 * names is made anew, because one of them may lie outside the target and would get the mode and owner too.
 */
function isRight(present: FileStat, node: Node): boolean {
  return (
    fileType(present.mode) === 'file' &&
    present.size === node.size &&
    isSameTime(present.mtime, node.mtime) &&
    present.links === 1
  );
}
