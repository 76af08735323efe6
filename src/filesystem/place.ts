import { chmodSync, mkdirSync, readlinkSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { systemCodeOf } from '../errors.ts';
import type { Node } from '../repository/tree.ts';
import { fileType, posixTypes, type FileType } from './modes.ts';
import type { FileStat, Posix } from './posix.ts';

/**
 * Making an entry at its place. Each looks first what is there, without following it: a symlink that lies where a
 * folder belongs is replaced by the folder, so that nothing is ever written through it.
 */

/** What is at a path now; undefined where nothing is. */
export function look(posix: Posix, path: Buffer): FileStat | undefined {
  try {
    return posix.lstat(path);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes room for something that is no folder. A folder goes only if it is empty: throws ENOTEMPTY otherwise. */
export function clear(path: Buffer, present: FileStat | undefined): void {
  if (present === undefined) return;
  if (fileType(present.mode) === 'dir') rmdirSync(path);
  else unlinkSync(path);
}

const ownerOnly = 0o700;

/** The folder can be written to by us until it gets its own mode. Tells whether it was not there before. */
export function makeFolder(posix: Posix, path: Buffer, parentIsNew = false): boolean {
  if (parentIsNew && makeNew(path)) return true;
  const present = look(posix, path);
  if (present !== undefined && fileType(present.mode) === 'dir') {
    if ((present.mode & ownerOnly) !== ownerOnly && process.geteuid?.() !== 0) {
      chmodSync(path, (present.mode & 0o7777) | ownerOnly);
    }
    return false;
  }
  clear(path, present);
  mkdirSync(path, ownerOnly);
  return true;
}

/** Where nothing is likely to be: asking first would take longer. */
function makeNew(path: Buffer): boolean {
  try {
    mkdirSync(path, ownerOnly);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

export function makeSymlink(posix: Posix, path: Buffer, target: Buffer): void {
  const present = look(posix, path);
  if (isAlone(present, 'symlink') && readlinkSync(path, { encoding: 'buffer' }).equals(target)) return;
  clear(path, present);
  symlinkSync(target, path);
}

/** What has another name is made anew: that may lie outside the target, and would get the mode and owner too. */
function isAlone(present: FileStat | undefined, type: FileType): present is FileStat {
  return present !== undefined && fileType(present.mode) === type && present.links === 1;
}

/** A FIFO or a device. */
export function makeSpecial(posix: Posix, path: Buffer, node: Node): void {
  const present = look(posix, path);
  if (isAlone(present, node.type) && present.device === node.device) return;
  clear(path, present);
  posix.makeNode(path, posixTypes[node.type] | 0o600, node.device);
}
