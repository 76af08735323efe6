import type { Repository } from '../../../src/repository/repository.ts';

/** A node as it stands in a tree's JSON; whatever a snapshot may say, also what relocate would never write. */
export type WrittenNode = Record<string, unknown>;

const time = '2026-01-02T03:04:05.000000006Z';
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const typeBits: Record<string, number> = { dir: 2 ** 31, symlink: 2 ** 27, fifo: 2 ** 25 };

/** A sound node but for what `fields` say. */
export function written(type: string, name: string, fields: WrittenNode = {}): WrittenNode {
  const permissions = type === 'dir' ? 0o755 : 0o644;
  return {
    name,
    type,
    mode: (typeBits[type] ?? 0) + permissions,
    mtime: time,
    atime: time,
    ctime: time,
    ...owner,
    content: type === 'file' ? [] : null,
    ...fields,
  };
}

/** Files, folders and trees straight into a repository, in the order given: sorting is the caller's business. */
export function treeWriter(repository: Pick<Repository, 'saveTree' | 'saveBytes'>) {
  const tree = (...nodes: WrittenNode[]): Promise<string> =>
    repository.saveTree(Buffer.from(JSON.stringify({ nodes })));
  return {
    tree,
    async file(name: string, text: string, fields: WrittenNode = {}): Promise<WrittenNode> {
      const { content, sizeBytes } = await repository.saveBytes(Buffer.from(text));
      return written('file', name, { content, size: sizeBytes, links: 1, ...fields });
    },
    async folder(name: string, ...nodes: WrittenNode[]): Promise<WrittenNode> {
      return written('dir', name, { subtree: await tree(...nodes) });
    },
    symlink: (name: string, target: string): WrittenNode =>
      written('symlink', name, { linktarget: target, links: 1 }),
  };
}
