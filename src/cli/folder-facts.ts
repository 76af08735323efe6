import { readdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { filesWorthReading, foldersDeep, foldersNotEntered, type FolderFacts } from '../app/folder-facts.ts';
import { readIfThere } from './context.ts';

/** Looks at a folder for `init`: names of what lies there, and the content of the few files that tell something. */
export async function readFolderFacts(folder: string): Promise<FolderFacts> {
  const files: Record<string, string | undefined> = {};
  const directories: string[] = [];
  const visit = async (path: string, depth: number): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const full = join(path, entry.name);
      const name = relative(folder, full);
      if (entry.isDirectory() && !foldersNotEntered.includes(entry.name)) {
        directories.push(name);
        if (depth < foldersDeep) await visit(full, depth + 1);
      } else if (entry.isFile()) {
        files[name] = filesWorthReading.includes(entry.name) ? await readIfThere(full) : undefined;
      }
    }
  };
  await visit(folder, 1);
  return { name: basename(folder), files, directories };
}
