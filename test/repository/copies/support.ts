import { cp, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event } from '../../../src/events.ts';
import { openCopies } from '../../../src/repository/copies/open.ts';
import { createRepository, openRepository } from '../../../src/repository/index.ts';
import { randomPolynomial } from '../../../src/repository/polynomial.ts';
import { encodeTree } from '../../../src/repository/tree.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import type { Id, Snapshot } from '../../../src/repository/types.ts';
import { LocalStorage } from '../../../src/storage/local.ts';
import { faultyStorage, type FaultyStorage } from '../../support/faulty-storage.ts';

export const password = 'of all copies';

/** Several new repositories in local folders that cut alike, and what opens them as one. */
export interface TestCopies {
  folders: string[];
  /** The storages of the last `open`, to be given faults. */
  storages: FaultyStorage[];
  said: Event[];
  open(options?: { signal?: AbortSignal; passwords?: readonly string[] }): Promise<Repository>;
  /** One by itself, read without faults. */
  alone<T>(at: number, work: (repository: Repository) => Promise<T>): Promise<T>;
  warnings(code: string): string[];
}

/** New repositories below `parent`, once: to make their keys takes longer than most of what is done with them. */
export async function makeTemplates(parent: string, count: number): Promise<string[]> {
  const polynomial = randomPolynomial();
  const making = Array.from({ length: count }, async (_, at) => {
    const folder = join(parent, `template-${at}`);
    await (await createRepository(new LocalStorage(folder), password, { polynomial })).close();
    return folder;
  });
  return Promise.all(making);
}

export async function makeCopies(parent: string, templates: readonly string[]): Promise<TestCopies> {
  const folders: string[] = [];
  for (const template of templates) {
    const folder = await mkdtemp(join(parent, 'copy-'));
    await cp(template, folder, { recursive: true });
    folders.push(folder);
  }
  const storages: FaultyStorage[] = [];
  const said: Event[] = [];
  return {
    folders,
    storages,
    said,
    open({ signal, passwords = [] } = {}) {
      storages.splice(
        0,
        storages.length,
        ...folders.map((folder) => faultyStorage(new LocalStorage(folder))),
      );
      const places = storages.map((storage, at) => ({
        url: storage.url,
        open: () => openRepository(storage, passwords[at] ?? password),
      }));
      return openCopies(places, { emit: (event) => said.push(event), signal });
    },
    async alone(at, work) {
      const repository = await openRepository(new LocalStorage(folders[at] ?? ''), password);
      try {
        return await work(repository);
      } finally {
        await repository.close();
      }
    },
    warnings: (code) =>
      said.flatMap((event) => (event.type === 'warning' && event.code === code ? [event.message] : [])),
  };
}

/** Saves content as the one file of a snapshot, as a capture does. */
export async function save(
  repository: Repository,
  content: AsyncIterable<Uint8Array>,
  time = new Date().toISOString(),
): Promise<{ snapshot: Id; tree: Id; content: Id[] }> {
  return repository.withLock('shared', {}, async () => {
    await repository.loadIndex();
    const { content: blobs, sizeBytes } = await repository.saveStream(content);
    const tree = await repository.saveTree(encodeTree([fileNode(blobs, sizeBytes)]));
    await repository.flush();
    const snapshot: Snapshot = { time, tree, paths: ['/'], hostname: 'here', tags: ['relocate'] };
    return { snapshot: await repository.saveSnapshot(snapshot), tree, content: blobs };
  });
}

function fileNode(content: Id[], size: number): Parameters<typeof encodeTree>[0][number] {
  const moment = '2026-01-31T12:00:00Z';
  return {
    name: Buffer.from('content'),
    type: 'file',
    mode: 0o644,
    mtime: moment,
    atime: moment,
    ctime: moment,
    uid: 0,
    gid: 0,
    user: '',
    group: '',
    inode: 0n,
    deviceId: 0n,
    size,
    links: 1,
    device: 0n,
    content,
  };
}

export async function read(repository: Repository, content: readonly Id[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of repository.readContent(content)) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

export async function* inPieces(bytes: Buffer, pieceBytes = 1_000_000): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
