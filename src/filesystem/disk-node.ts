import { readlinkSync } from 'node:fs';
import type { Node } from '../repository/tree.ts';
import { fileType, toGoMode } from './modes.ts';
import type { Owners } from './owners.ts';
import { fromRaw, type RawText } from './paths.ts';
import type { FileStat, Posix } from './posix.ts';
import { formatTime } from './times.ts';

/**
 * What restic stores of a file on disk, without its content: atime is the mtime unless asked for otherwise, folders
 * and FIFOs have no link count, a size is only of files. Throws where a symlink cannot be read.
 */
export function describeFile(name: Buffer, path: RawText, stat: FileStat, owners: Owners): Node | undefined {
  const type = fileType(stat.mode);
  if (type === undefined) return undefined;
  const mtime = formatTime(stat.mtime);
  const isDevice = type === 'dev' || type === 'chardev';
  const node: Node = {
    name,
    type,
    mode: toGoMode(stat.mode, type),
    mtime,
    atime: mtime,
    ctime: formatTime(stat.ctime),
    uid: stat.uid,
    gid: stat.gid,
    user: owners.user(stat.uid),
    group: owners.group(stat.gid),
    inode: stat.inode,
    deviceId: stat.deviceId,
    size: type === 'file' ? stat.size : 0,
    links: type === 'file' || type === 'symlink' || isDevice ? stat.links : 0,
    device: isDevice ? stat.device : 0n,
  };
  if (type === 'symlink') node.linkTarget = readlinkSync(fromRaw(path), { encoding: 'buffer' });
  return node;
}

/**
 * Adds the extended attributes. `problem` hears of those that cannot be read: the rest of the file is kept, as restic
 * does.
 */
export function addAttributes(
  node: Node,
  path: RawText,
  posix: Posix,
  problem: (error: unknown) => void,
): void {
  try {
    const attributes = posix.readAttributes(path);
    if (attributes.length > 0) node.extendedAttributes = attributes;
  } catch (error) {
    problem(error);
  }
}
