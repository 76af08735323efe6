import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { silent } from '../../src/events.ts';
import type { Node } from '../../src/repository/tree.ts';
import type { CaptureSlot, RestoreContext, SavedTree, SourceContext } from '../../src/sources/source.ts';

/** A folder on disk in place of a snapshot's, for sources that add files (none that images a disk). */
export function folderSlot(folder: string): CaptureSlot {
  return {
    async addFile(given, content) {
      const name = typeof given === 'string' ? given : given();
      if (name === undefined) throw new Error('this stand-in wants names beforehand');
      await mkdir(folder, { recursive: true });
      await pipeline(content, createWriteStream(path.join(folder, name)));
      return { sizeBytes: (await stat(path.join(folder, name))).size };
    },
    keepFile: async () => undefined,
    addDisk: () => Promise.reject(new Error('this stand-in takes files only')),
  };
}

export function folderTree(folder: string): SavedTree {
  return {
    list: async () => (await readdir(folder)).map((name) => nodeOf(name)),
    read: (name) => createReadStream(path.join(folder, name)),
    writeTo: () => Promise.reject(new Error('this stand-in holds files only')),
    compareWith: () => Promise.reject(new Error('this stand-in holds files only')),
  };
}

function nodeOf(name: string): Node {
  const time = '2026-01-01T00:00:00Z';
  return {
    name: Buffer.from(name),
    type: 'file',
    mode: 0o600,
    mtime: time,
    atime: time,
    ctime: time,
    uid: 0,
    gid: 0,
    user: '',
    group: '',
    inode: 0n,
    deviceId: 0n,
    size: 0,
    links: 1,
    device: 0n,
  };
}

export function contextIn(folder: string): SourceContext {
  return { name: 'db', folder, environment: {}, emit: silent, signal: new AbortController().signal };
}

/** The saved folder is `saved` in `folder`. */
export function restoreContextIn(folder: string, scratch: string): RestoreContext {
  return { ...contextIn(folder), saved: folderTree(path.join(folder, 'saved')), scratch, parallel: 2 };
}
