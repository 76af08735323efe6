import type { Dirent } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import {
  filesWorthReading,
  foldersDeep,
  foldersNotEntered,
  type FolderFacts,
  maxEntries,
  maxReadBytes,
} from '../app/folder-facts.ts';
import { systemCodeOf } from '../errors.ts';

/**
 * Looks at a folder for `init`: names of what lies there, and the content of the few files that tell something. What
 * cannot be looked at is listed, and ends nothing; links to folders are named and not followed.
 */
export async function readFolderFacts(folder: string): Promise<FolderFacts> {
  const look = new Look(folder);
  await look.into(folder, 1);
  return {
    name: basename(folder),
    files: look.files,
    directories: look.directories,
    folderLinks: look.folderLinks,
    unread: look.unread,
  };
}

class Look {
  readonly files: Record<string, string | undefined> = {};
  readonly directories: string[] = [];
  readonly folderLinks: Record<string, string> = {};
  readonly unread: Record<string, string> = {};
  readonly #folder: string;
  #entries = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async into(path: string, depth: number): Promise<void> {
    const entries = await this.#try(path, () => readdir(path, { withFileTypes: true }));
    for (const entry of entries?.toSorted(filesFirst) ?? []) {
      if (++this.#entries > maxEntries) {
        this.unread[this.#nameOf(path)] = `it holds more than ${maxEntries} files`;
        return;
      }
      await this.#entry(entry, join(path, entry.name), depth);
    }
  }

  async #entry(entry: Dirent, path: string, depth: number): Promise<void> {
    const name = this.#nameOf(path);
    if (entry.isSymbolicLink()) return this.#link(name, path);
    if (entry.isFile()) return this.#file(name, path);
    if (!entry.isDirectory() || foldersNotEntered.includes(entry.name)) return;
    this.directories.push(name);
    if (depth < foldersDeep) await this.into(path, depth + 1);
  }

  async #link(name: string, path: string): Promise<void> {
    const target = await this.#try(path, () => stat(path));
    if (target?.isFile() === true) await this.#file(name, path);
    else if (target?.isDirectory() === true && !foldersNotEntered.includes(basename(path))) {
      this.folderLinks[name] = await realpath(path);
    }
  }

  async #file(name: string, path: string): Promise<void> {
    this.files[name] = undefined;
    if (!filesWorthReading.includes(basename(path))) return;
    const { size } = (await this.#try(path, () => stat(path))) ?? { size: 0 };
    if (size > maxReadBytes) this.unread[name] = 'it is larger than 1 MiB';
    else this.files[name] = await this.#try(path, () => readFile(path, 'utf8'));
  }

  async #try<T>(path: string, look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      const code = systemCodeOf(error);
      if (code === undefined) throw error;
      this.unread[this.#nameOf(path)] = code;
      return undefined;
    }
  }

  #nameOf(path: string): string {
    return relative(this.#folder, path) || '.';
  }
}

/** By name, so that a folder always gives the same proposal; a folder of too much hides no file beside it. */
function filesFirst(a: Dirent, b: Dirent): number {
  return Number(a.isDirectory()) - Number(b.isDirectory()) || (a.name < b.name ? -1 : 1);
}
