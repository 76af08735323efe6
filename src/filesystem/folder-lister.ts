import { programBeside, Threads } from '../repository/threads.ts';
import { entriesOf, listFolder, type FolderEntries, type SeenFolders } from './list-folder.ts';
import type { RawText } from './paths.ts';
import type { Glimpse, Posix } from './posix.ts';

/** What was seen longer ago is looked at again: a walk through large files takes its time. */
const freshMs = 5_000;
/** Entries that are looked at for one message, which costs as much as to look at dozens. */
const enough = 1_000;
/** Folders that are named in one message. */
const namedFolders = 32;
/** Seen and not taken, for they are left out of the snapshot, or the walk is slow. */
const maxFolders = 4_096;

export interface FoldersAhead {
  paths: RawText[];
  enough: number;
}

interface Seen {
  entries: FolderEntries;
  atMs: number;
}

/**
 * Lists folders and looks at what is in them, in a thread, a little before the walk comes there: each file costs two
 * calls of the system, and with most of them unchanged there is little else to do.
 */
export class FolderLister {
  readonly #posix: Posix;
  readonly #glimpse: Glimpse | undefined;
  readonly #thread: Threads<FoldersAhead, SeenFolders>;
  readonly #seen = new Map<RawText, Seen>();
  readonly #asked = new Map<RawText, Promise<void>>();
  /** Until the thread has come up, nobody waits for it. */
  #isUp = false;

  constructor(posix: Posix) {
    this.#posix = posix;
    this.#glimpse = posix.glimpse;
    this.#thread = new Threads(programBeside(import.meta.url, 'list-worker'), undefined, 1);
  }

  /** The walk is in the folder, and comes to the one of its folders that has this number next. */
  expect(path: RawText, { names, folders }: FolderEntries, next: number): void {
    const pathOf = (index = 0): RawText => `${path}/${names[index]}`;
    if (this.#glimpse === undefined || next >= folders.length || this.#isKnown(pathOf(folders[next]))) return;
    this.#ask(folders.slice(next, next + namedFolders).map(pathOf), this.#glimpse);
  }

  /** Throws what `readdir` throws. */
  async take(path: RawText): Promise<FolderEntries> {
    if (this.#isUp) await this.#asked.get(path);
    const seen = this.#seen.get(path);
    this.#seen.delete(path);
    return seen !== undefined && Date.now() - seen.atMs < freshMs
      ? seen.entries
      : listFolder(path, this.#posix);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #isKnown(path: RawText): boolean {
    return this.#seen.has(path) || this.#asked.has(path);
  }

  #ask(paths: RawText[], glimpse: Glimpse): void {
    const asked = this.#takeIn(this.#thread.ask({ paths, enough }), Date.now(), glimpse)
      // Whoever takes the folders looks by himself.
      .catch(() => {})
      .finally(() => {
        for (const path of paths) this.#asked.delete(path);
      });
    for (const path of paths) this.#asked.set(path, asked);
  }

  async #takeIn(answer: Promise<SeenFolders>, atMs: number, glimpse: Glimpse): Promise<void> {
    const folders = entriesOf(await answer, { ...this.#posix, glimpse });
    this.#isUp = true;
    if (this.#seen.size > maxFolders) this.#seen.clear();
    for (const [path, entries] of folders) this.#seen.set(path, { entries, atMs });
  }
}
