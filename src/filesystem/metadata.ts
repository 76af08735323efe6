import { chmodSync, fchmodSync, fchownSync, fstatSync, lchownSync } from 'node:fs';
import type { Node } from '../repository/tree.ts';
import { fileType, toPosixPermissions } from './modes.ts';
import type { Attribute, FileStat, Posix } from './posix.ts';
import { messageOf } from './system-error.ts';
import { parseTime } from './times.ts';

/** What a node says of a file beside its content; can be copied between threads. */
export type Metadata = Pick<Node, 'type' | 'mode' | 'uid' | 'gid' | 'mtime' | 'atime' | 'extendedAttributes'>;

export function metadataOf({ type, mode, uid, gid, mtime, atime, extendedAttributes }: Node): Metadata {
  const metadata: Metadata = { type, mode, uid, gid, mtime, atime };
  return extendedAttributes === undefined ? metadata : { ...metadata, extendedAttributes };
}

/** What did not work, in words that go beside the file's path. */
export type Complaint = (reason: string) => void;

const setIds = 0o6000;

/**
 * Gives a file what its node says: owner, extended attributes, permissions, times, in the order in which none undoes
 * another. Only what differs is touched. Never follows a symlink. Returns false where the owner stayed another because
 * only root may give files away; set-ID bits are then left out, they would lend the wrong user's rights.
 */
export function applyMetadata(posix: Posix, path: Buffer, node: Metadata, complain: Complaint): boolean {
  const stat = posix.lstat(path);
  const owned = applyOwner(path, node, stat, complain);
  applyAttributes(posix, path, node.extendedAttributes ?? [], complain);
  if (node.type !== 'symlink') applyMode(path, stat, permissionsOf(node, owned, complain));
  posix.setTimes(path, parseTime(node.atime), parseTime(node.mtime));
  return owned;
}

/** The same for a file that we made and have open. `path` is where it lies. */
export function applyToOpenFile(
  posix: Posix,
  descriptor: number,
  path: Buffer,
  node: Metadata,
  complain: Complaint,
): boolean {
  const owned = applyOwnerTo(descriptor, node, complain);
  applyAttributes(posix, path, node.extendedAttributes ?? [], complain);
  fchmodSync(descriptor, permissionsOf(node, owned, complain));
  posix.setTimesOf(descriptor, parseTime(node.atime), parseTime(node.mtime));
  return owned;
}

function applyOwnerTo(descriptor: number, node: Metadata, complain: Complaint): boolean {
  if (!isOwner(node, complain)) return false;
  try {
    fchownSync(descriptor, node.uid, node.gid);
    return true;
  } catch (error) {
    if (process.geteuid?.() === 0) throw error;
    const { uid, gid } = fstatSync(descriptor);
    return uid === node.uid && gid === node.gid;
  }
}

/** To chown it means “leave as it is”: it would report success, and a set-ID bit then lend the rights of another. */
const noOwner = 0xffffffff;

function applyOwner(path: Buffer, node: Metadata, stat: FileStat, complain: Complaint): boolean {
  if (stat.uid === node.uid && stat.gid === node.gid) return true;
  if (!isOwner(node, complain)) return false;
  try {
    lchownSync(path, node.uid, node.gid);
    return true;
  } catch (error) {
    if (process.geteuid?.() === 0) throw error;
    return false;
  }
}

function isOwner({ uid, gid }: Metadata, complain: Complaint): boolean {
  if (uid !== noOwner && gid !== noOwner) return true;
  complain(`its owner ${uid}:${gid} is none that a file can have`);
  return false;
}

function applyAttributes(
  posix: Posix,
  path: Buffer,
  wanted: readonly Attribute[],
  complain: Complaint,
): void {
  const present = posix.readAttributes(path);
  for (const attribute of wanted) {
    if (present.some(({ name, value }) => name === attribute.name && value.equals(attribute.value))) continue;
    attempt(
      () => posix.setAttribute(path, attribute),
      `its extended attribute ${attribute.name} was not set`,
      complain,
    );
  }
  for (const { name } of present) {
    if (wanted.some((attribute) => attribute.name === name)) continue;
    // Labels that the system puts on every file (SELinux) are its own affair and cannot be taken off.
    if (name.startsWith('security.')) continue;
    attempt(
      () => posix.removeAttribute(path, name),
      `an extended attribute ${name} was not removed`,
      complain,
    );
  }
}

function attempt(work: () => void, problem: string, complain: Complaint): void {
  try {
    work();
  } catch (error) {
    complain(`${problem}: ${messageOf(error)}`);
  }
}

/** Node has no fchmodat: nothing but a look before keeps chmod from following a symlink. */
function applyMode(path: Buffer, stat: FileStat, permissions: number): void {
  if (fileType(stat.mode) === 'symlink') throw new Error('it was replaced by a symlink');
  chmodSync(path, permissions);
}

function permissionsOf(node: Metadata, owned: boolean, complain: Complaint): number {
  const wanted = toPosixPermissions(node.mode);
  const permissions = owned ? wanted : wanted & ~setIds;
  if (permissions !== wanted)
    complain('its set-user-ID or set-group-ID bit was left out: the owner is another one');
  return permissions;
}
