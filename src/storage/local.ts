import { randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RelocateError, systemCodeOf } from '../errors.ts';
import { isDenied } from './storage-errors.ts';
import {
  describeFile,
  folders,
  isFileName,
  pathOf,
  shorterThanAsked,
  type FileRange,
  type FileType,
  type Storage,
  type StorageFile,
} from './storage.ts';

/** A repository in a folder of this machine. */
export class LocalStorage implements Storage {
  readonly url: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.url = `file:${root}`;
  }

  async initialise(): Promise<void> {
    const spread = Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, '0'));
    try {
      for (const folder of Object.values(folders))
        await mkdir(join(this.#root, folder), { recursive: true, mode: 0o700 });
      for (const digits of spread)
        await mkdir(join(this.#root, folders.pack, digits), { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw this.#failed('could not be created', undefined, cause);
    }
  }

  async save(file: StorageFile, content: readonly Uint8Array[]): Promise<void> {
    const path = this.#path(file);
    const draft = `${path}-tmp-${randomBytes(6).toString('hex')}`;
    try {
      const handle = await this.#create(draft);
      try {
        await writeFully(handle, content);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await chmod(draft, 0o400);
      await rename(draft, path);
      await syncFolder(dirname(path));
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => {});
      throw this.#failed('could not be written', file, cause);
    }
  }

  async load(file: StorageFile, range?: FileRange): Promise<Buffer> {
    const path = this.#path(file);
    try {
      const handle = await open(path, 'r');
      try {
        const length = range?.length ?? (await handle.stat()).size;
        const bytes = range?.into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
        const read = await readFully(handle, bytes, range?.offset ?? 0);
        if (read < length) throw shorterThanAsked(this.url, file, length, read);
        return bytes;
      } finally {
        await handle.close();
      }
    } catch (cause) {
      if (cause instanceof RelocateError) throw cause;
      throw this.#failed('could not be read', file, cause);
    }
  }

  async size(file: StorageFile): Promise<number | undefined> {
    const path = this.#path(file);
    try {
      return (await stat(path)).size;
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw this.#failed('could not be looked at', file, cause);
    }
  }

  async list(type: FileType): Promise<{ name: string; sizeBytes: number }[]> {
    if (type === 'config') {
      const sizeBytes = await this.size({ type, name: '' });
      return sizeBytes === undefined ? [] : [{ name: '', sizeBytes }];
    }
    const found: { name: string; sizeBytes: number }[] = [];
    for (const folder of await this.#foldersOf(type)) {
      const names = (await this.#entries(folder)).filter(isFileName);
      found.push(...(await Promise.all(names.map((name) => entry(folder, name)))).flat());
    }
    return found;
  }

  async remove(file: StorageFile): Promise<void> {
    const path = this.#path(file);
    try {
      await rm(path, { force: true });
    } catch (cause) {
      throw this.#failed('could not be removed', file, cause);
    }
  }

  async close(): Promise<void> {}

  #path(file: StorageFile): string {
    return join(this.#root, pathOf(file));
  }

  async #foldersOf(type: Exclude<FileType, 'config'>): Promise<string[]> {
    const base = join(this.#root, folders[type]);
    if (type !== 'pack') return [base];
    return (await this.#entries(base))
      .filter((name) => /^[0-9a-f]{2}$/.test(name))
      .map((name) => join(base, name));
  }

  async #entries(folder: string): Promise<string[]> {
    try {
      return await readdir(folder);
    } catch (cause) {
      if (isMissing(cause)) return [];
      throw this.#failed('could not be listed', undefined, cause);
    }
  }

  /** The folder of a pack may be missing in a repository that was copied without its empty folders. */
  async #create(draft: string): Promise<FileHandle> {
    try {
      return await open(draft, 'wx', 0o600);
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      await mkdir(dirname(draft), { recursive: true, mode: 0o700 });
      return await open(draft, 'wx', 0o600);
    }
  }

  #failed(what: string, file: StorageFile | undefined, cause: unknown): RelocateError {
    const code = systemCodeOf(cause);
    const name = file === undefined ? 'A folder' : `The file ${describeFile(file)}`;
    const facts = {
      reason: code,
      missing: isMissing(cause),
      ...(isDenied(code) ? { denied: true } : {}),
    };
    if (code === 'ENOSPC' || code === 'EDQUOT') {
      return new RelocateError('disk-full', `The disk that holds ${this.url} is full.`, {
        facts,
        hint: 'Everything stored before is sound. Make room and run the same command again; what was stored is used.',
        cause,
      });
    }
    return new RelocateError('storage-failed', `${name} in ${this.url} ${what}.`, { facts, cause });
  }
}

/** A file that is removed between the listing and the look at it is none, and neither is a folder. */
async function entry(folder: string, name: string): Promise<{ name: string; sizeBytes: number }[]> {
  try {
    const found = await stat(join(folder, name));
    return found.isFile() ? [{ name, sizeBytes: found.size }] : [];
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw cause;
  }
}

function isMissing(cause: unknown): boolean {
  return systemCodeOf(cause) === 'ENOENT';
}

async function readFully(handle: FileHandle, bytes: Buffer, offset: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** A disk that fills up takes a part and reports no error; only the attempt to write the rest does. */
async function writeFully(handle: FileHandle, content: readonly Uint8Array[]): Promise<void> {
  let rest = content.filter((part) => part.length > 0);
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest);
    if (bytesWritten === 0) throw new Error('The system took no more bytes and did not say why.');
    rest = withoutFirst(rest, bytesWritten);
  }
}

function withoutFirst(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return parts.flatMap((part) => {
    const skipped = Math.min(skip, part.length);
    skip -= skipped;
    return skipped === part.length ? [] : [part.subarray(skipped)];
  });
}

/** Without this the rename itself may be lost in a power cut, though the file's content is on disk. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
