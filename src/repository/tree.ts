/**
 * A node of a restic tree. Names and targets are raw bytes because file systems promise no encoding. Numbers that may
 * pass 2^53 are bigint.
 */
export interface Node {
  name: Buffer;
  type: 'file' | 'dir' | 'symlink' | 'dev' | 'chardev' | 'fifo' | 'socket';
  /** Go's FileMode bits. */
  mode: number;
  /** RFC 3339 with nanoseconds, as restic writes them. */
  mtime: string;
  atime: string;
  ctime: string;
  uid: number;
  gid: number;
  user: string;
  group: string;
  inode: bigint;
  deviceId: bigint;
  size: number;
  links: number;
  linkTarget?: Buffer;
  extendedAttributes?: { name: string; value: Buffer }[];
  device: bigint;
  /** Blob IDs; undefined for what is no file. */
  content?: string[];
  /** Tree ID of a directory. */
  subtree?: string;
}
