import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { joinPath } from '../../../src/filesystem/paths.ts';
import { loadPosix } from '../../../src/filesystem/posix.ts';

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/**
 * All that can be seen of a folder, one line an entry, by means of its own: Node's lstat, not ours. Inodes stand as the
 * order of their first appearance, so that hard links can be compared.
 */
export async function describeDisk(root: string, { atime = false, blocks = false } = {}): Promise<string[]> {
  const posix = await loadPosix();
  const inodes = new Map<bigint, number>();
  const lines: string[] = [];
  const visit = (path: Buffer, shown: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const parts = [
      shown,
      `mode ${stat.mode.toString(8)}`,
      `owner ${stat.uid}:${stat.gid}`,
      `mtime ${stat.mtimeNs}`,
      ...(atime ? [`atime ${stat.atimeNs}`] : []),
      ...posix
        .readAttributes(path)
        .map(({ name, value }) => `${name}=${digest(value)}`)
        .sort(),
    ];
    if (stat.isFile()) {
      if (!inodes.has(stat.ino)) inodes.set(stat.ino, inodes.size);
      parts.push(`size ${stat.size}`, `links ${stat.nlink}`, `inode #${inodes.get(stat.ino)}`);
      parts.push(digest(readFileSync(path)));
      if (blocks) parts.push(`blocks ${stat.blocks}`);
    }
    if (stat.isSymbolicLink()) parts.push(`-> ${readlinkSync(path, { encoding: 'buffer' }).toString('hex')}`);
    if (stat.isBlockDevice() || stat.isCharacterDevice()) parts.push(`device ${stat.rdev}`);
    // No snapshot holds a socket, nor counts it among the entries of its folder.
    if (!stat.isSocket()) lines.push(parts.join(' | '));
    if (!stat.isDirectory()) return;
    const names = readdirSync(path, { encoding: 'buffer' }).sort((a, b) => a.compare(b));
    for (const name of names) visit(joinPath(path, name), `${shown}/${name.toString('latin1')}`);
  };
  visit(Buffer.from(root), '');
  return lines;
}
