import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { isMissing, statusOf, translate } from './sftp-errors.ts';
import { parseSftpPlace, type SftpPlace } from './sftp-place.ts';
import { SftpSession, type Attributes } from './sftp-session.ts';
import { storageFull } from './storage-errors.ts';
import {
  describeFile,
  distantSavesAtOnce,
  folders,
  isFileName,
  pathOf,
  shorterThanAsked,
  type FileRange,
  type FileType,
  type Storage,
  type StorageFile,
  type Traffic,
} from './storage.ts';

const folderMode = 0o700;
const fileMode = 0o400;
const fileKindMask = 0o170000;
const plainFile = 0o100000;
/** Folders looked into at once. */
const maxLooks = 32;

/** Opens a folder on an SFTP server; it is connected to when first needed. Throws `usage`. */
export async function openSftpStorage(address: string, traffic?: Traffic): Promise<Storage> {
  return new SftpStorage(parseSftpPlace(address), traffic);
}

/** A repository in a folder of an SFTP server, over one connection, which is made anew when it was lost. */
class SftpStorage implements Storage {
  readonly url: string;
  readonly savesAtOnce = distantSavesAtOnce;
  readonly #place: SftpPlace;
  readonly #traffic: Traffic | undefined;
  #opening: Promise<SftpSession> | undefined;

  constructor(place: SftpPlace, traffic: Traffic | undefined) {
    this.url = place.url;
    this.#place = place;
    this.#traffic = traffic;
  }

  initialise(): Promise<void> {
    return this.#run(`A folder in ${this.url} could not be created`, async (session) => {
      await this.#makeFolders(session, this.#place.path);
      await eachOf(Object.values(folders), (folder) => this.#makeFolders(session, this.#at(folder)));
      const spread = Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, '0'));
      const existing = await session.entries(this.#at(folders.pack));
      const names = new Set(existing.map(({ filename }) => filename));
      await eachOf(
        spread.filter((digits) => !names.has(digits)),
        (digits) => this.#makeFolders(session, this.#at(folders.pack, digits)),
      );
    });
  }

  save(file: StorageFile, content: readonly Uint8Array[]): Promise<void> {
    const path = this.#path(file);
    const what = `The file ${describeFile(file)} in ${this.url} could not be written`;
    return this.#run(what, async (session) => {
      const whole = Buffer.concat(content);
      const draft = `${path}-tmp-${randomBytes(6).toString('hex')}`;
      try {
        await this.#create(session, draft, whole);
        await session.replace(draft, path);
      } catch (cause) {
        await session.remove(draft).catch(() => {});
        if (statusOf(cause) !== 'FAILURE') throw cause;
        // The protocol has no word for a full disk.
        const freeBytes = await session.freeBytes(this.#place.path);
        if (freeBytes === undefined || freeBytes > whole.length) throw cause;
        const facts = { reason: 'FAILURE', freeBytes };
        throw storageFull({ url: this.url, what, facts, cause }, `${freeBytes} bytes are free`);
      }
    });
  }

  async load(file: StorageFile, range?: FileRange): Promise<Buffer> {
    const path = this.#path(file);
    const what = `The file ${describeFile(file)} in ${this.url} could not be read`;
    const bytes = await this.#run(what, (session) => session.read(path, range));
    if (range !== undefined && bytes.length < range.length)
      throw shorterThanAsked(this.url, file, range.length, bytes.length);
    return bytes;
  }

  size(file: StorageFile): Promise<number | undefined> {
    const path = this.#path(file);
    const what = `The file ${describeFile(file)} in ${this.url} could not be looked at`;
    return this.#run(what, async (session) => {
      const found = await unlessMissing(session.stat(path));
      return found?.size;
    });
  }

  async list(type: FileType): Promise<{ name: string; sizeBytes: number }[]> {
    if (type === 'config') {
      const sizeBytes = await this.size({ type, name: '' });
      return sizeBytes === undefined ? [] : [{ name: '', sizeBytes }];
    }
    return this.#run(`A folder in ${this.url} could not be listed`, async (session) => {
      const found: { name: string; sizeBytes: number }[] = [];
      await eachOf(await this.#foldersOf(session, type), async (folder) => {
        for (const { filename, attrs } of (await unlessMissing(session.entries(folder))) ?? [])
          if (isFileName(filename) && isPlainFile(attrs))
            found.push({ name: filename, sizeBytes: attrs.size });
      });
      return found;
    });
  }

  remove(file: StorageFile): Promise<void> {
    const path = this.#path(file);
    const what = `The file ${describeFile(file)} in ${this.url} could not be removed`;
    return this.#run(what, async (session) => {
      await unlessMissing(session.remove(path));
    });
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    (await opening?.catch(() => undefined))?.close();
  }

  #path(file: StorageFile): string {
    return this.#at(pathOf(file));
  }

  #at(...below: string[]): string {
    return posix.join(this.#place.path, ...below);
  }

  async #run<T>(what: string, work: (session: SftpSession) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#session());
    } catch (cause) {
      throw translate(this.url, what, cause);
    }
  }

  async #session(): Promise<SftpSession> {
    const opening = (this.#opening ??= SftpSession.open(this.#place, this.#traffic));
    const session = await opening.catch((error: unknown) => {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    });
    if (session.isOpen) return session;
    if (this.#opening === opening) this.#opening = undefined;
    return this.#session();
  }

  async #foldersOf(session: SftpSession, type: Exclude<FileType, 'config'>): Promise<string[]> {
    const base = this.#at(folders[type]);
    if (type !== 'pack') return [base];
    return ((await unlessMissing(session.entries(base))) ?? [])
      .filter(({ filename }) => /^[0-9a-f]{2}$/.test(filename))
      .map(({ filename }) => posix.join(base, filename));
  }

  /** The folder of a pack may be missing in a repository that was copied without its empty folders. */
  async #create(session: SftpSession, draft: string, whole: Buffer): Promise<void> {
    try {
      await session.create(draft, fileMode, whole);
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      await this.#makeFolders(session, posix.dirname(draft));
      await session.create(draft, fileMode, whole);
    }
  }

  /** Makes a folder and those above it. A server says of one that is there already only that it failed. */
  async #makeFolders(session: SftpSession, folder: string): Promise<void> {
    try {
      await session.makeFolder(folder, folderMode);
    } catch (cause) {
      const above = posix.dirname(folder);
      if (isMissing(cause) && above !== folder) {
        await this.#makeFolders(session, above);
        await session.makeFolder(folder, folderMode);
      } else if ((await unlessMissing(session.stat(folder))) === undefined) throw cause;
    }
  }
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Not every server says of what kind its files are. */
function isPlainFile({ mode }: Attributes): boolean {
  const kind = mode & fileKindMask;
  return kind === 0 || kind === plainFile;
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: maxLooks }, worker));
}
