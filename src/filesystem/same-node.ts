import type { Node } from '../repository/tree.ts';
import { parseTime } from './times.ts';

/** Whether two nodes would be written with the same bytes. */
export function isSameNode(a: Node, b: Node): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.mtime === b.mtime &&
    a.atime === b.atime &&
    a.ctime === b.ctime &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.user === b.user &&
    a.group === b.group &&
    a.inode === b.inode &&
    a.deviceId === b.deviceId &&
    a.size === b.size &&
    a.links === b.links &&
    a.device === b.device &&
    a.subtree === b.subtree &&
    isSameContent(a.content, b.content) &&
    isSameTarget(a.linkTarget, b.linkTarget) &&
    areSameAttributes(a.extendedAttributes, b.extendedAttributes) &&
    a.name.equals(b.name)
  );
}

/**
 * Whether a file, described without its content, is as restic takes it to be unchanged since it was saved: size, mtime,
 * ctime and inode are the same. Times are compared as moments, for they may have been written in another zone.
 */
export function isUnchangedFile(now: Node, saved: Node): boolean {
  return (
    saved.type === 'file' &&
    now.size === saved.size &&
    now.inode === saved.inode &&
    isSameMoment(now.mtime, saved.mtime) &&
    isSameMoment(now.ctime, saved.ctime)
  );
}

function isSameMoment(a: string, b: string): boolean {
  if (a === b) return true;
  const [first, second] = [parseTime(a), parseTime(b)];
  return first.seconds === second.seconds && first.nanoseconds === second.nanoseconds;
}

function isSameContent(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === b) return true;
  return (
    a !== undefined && b !== undefined && a.length === b.length && a.every((id, index) => id === b[index])
  );
}

function isSameTarget(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.equals(b));
}

type Attributes = Node['extendedAttributes'];

function areSameAttributes(a: Attributes = [], b: Attributes = []): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, value }, index) => {
      const other = b[index];
      return name === other?.name && value.equals(other.value);
    })
  );
}
