import { readdirSync } from 'node:fs';
import { fromRaw, type RawText } from './paths.ts';
import type { FileStat, Glimpse, Posix } from './posix.ts';

/** A folder's entries in the order of their names, as the walk looks at them. */
export interface FolderEntries {
  names: readonly RawText[];
  /** Those of them that are folders, as far as that is known without a look. */
  folders: readonly number[];
  /** Throws what `lstat` throws. */
  statOf(index: number): FileStat;
  /** Whether it is worth asking for its extended attributes. */
  mayHaveAttributes(index: number): boolean;
}

/** Folders that were looked at already, in a form that goes from thread to thread at little cost. */
export interface SeenFolders {
  /** With zeros between, which are in no path. */
  paths: string;
  /** Of each folder its names, with slashes between; with zeros between folders. */
  names: string;
  /** Of all entries, one after the other: as `Glimpse` has it, and bits of `seen`. */
  stats: Uint8Array;
  flags: Uint8Array;
}

const seen = { stat: 1, attributes: 2, folder: 4 } as const;

const byName = (a: { name: RawText }, b: { name: RawText }): number => (a.name < b.name ? -1 : 1);

const entriesIn = (path: RawText) =>
  readdirSync(fromRaw(path), { encoding: 'latin1', withFileTypes: true }).sort(byName);

/** Looks at the entries only when asked to. Throws what `readdir` throws. */
export function listFolder(path: RawText, posix: Posix): FolderEntries {
  const entries = entriesIn(path);
  const names = entries.map(({ name }) => name);
  return {
    names,
    folders: entries.flatMap((entry, index) => (entry.isDirectory() ? [index] : [])),
    statOf: (index) => posix.lstat(`${path}/${names[index]}`),
    mayHaveAttributes: () => true,
  };
}

/**
 * Looks at folders and all that is below them, in the order of a walk, until that is `enough` entries. Folders that are
 * too large for that, or cannot be listed, are left out.
 */
export function seeFolders(paths: readonly RawText[], glimpse: Glimpse, enough: number): SeenFolders {
  const { sizeBytes } = glimpse;
  const stats = new Uint8Array(enough * sizeBytes);
  const flags = new Uint8Array(enough);
  const folders: { path: RawText; names: string }[] = [];
  let count = 0;
  const see = (path: RawText): void => {
    if (count >= enough) return;
    const entries = orNone(path);
    if (entries === undefined || count + entries.length > enough) return;
    for (const entry of entries) {
      const place = stats.subarray(count * sizeBytes, (count + 1) * sizeBytes);
      const { isSeen, hasAttributes } = glimpse.into(`${path}/${entry.name}`, place);
      flags[count] =
        (isSeen ? seen.stat : 0) |
        (hasAttributes ? seen.attributes : 0) |
        (entry.isDirectory() ? seen.folder : 0);
      count += 1;
    }
    folders.push({ path, names: entries.map(({ name }) => name).join('/') });
    for (const entry of entries) if (entry.isDirectory()) see(`${path}/${entry.name}`);
  };
  for (const path of paths) see(path);
  return {
    paths: folders.map(({ path }) => path).join('\0'),
    names: folders.map(({ names }) => names).join('\0'),
    stats: stats.slice(0, count * sizeBytes),
    flags: flags.slice(0, count),
  };
}

function orNone(path: RawText) {
  try {
    return entriesIn(path);
  } catch {
    return undefined;
  }
}

/** By their paths. */
export function entriesOf(
  { paths, names, stats, flags }: SeenFolders,
  posix: Posix & { glimpse: Glimpse },
): Map<RawText, FolderEntries> {
  const folders = new Map<RawText, FolderEntries>();
  if (paths === '') return folders;
  const namesOf = names.split('\0');
  let first = 0;
  for (const [index, path] of paths.split('\0').entries()) {
    const list = namesOf[index] === '' ? [] : (namesOf[index]?.split('/') ?? []);
    const end = first + list.length;
    folders.set(path, entriesAt(path, list, { stats, flags: flags.subarray(first, end), first }, posix));
    first = end;
  }
  return folders;
}

function entriesAt(
  path: RawText,
  names: readonly RawText[],
  { stats, flags, first }: { stats: Uint8Array; flags: Uint8Array; first: number },
  posix: Posix & { glimpse: Glimpse },
): FolderEntries {
  const { glimpse } = posix;
  const has = (index: number, flag: number) => ((flags[index] ?? 0) & flag) !== 0;
  return {
    names,
    folders: names.flatMap((_, index) => (has(index, seen.folder) ? [index] : [])),
    statOf: (index) =>
      has(index, seen.stat)
        ? glimpse.decode(stats, (first + index) * glimpse.sizeBytes)
        : posix.lstat(`${path}/${names[index]}`),
    mayHaveAttributes: (index) => !has(index, seen.stat) || has(index, seen.attributes),
  };
}
