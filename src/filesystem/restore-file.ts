import { linkSync, renameSync, rmSync } from 'node:fs';
import type { Node } from '../repository/tree.ts';
import type { Repository } from '../repository/repository.ts';
import { fileType } from './modes.ts';
import { clear, look } from './place.ts';
import type { FileStat, Posix } from './posix.ts';
import { isSameTime } from './times.ts';
import { writeFile } from './write-file.ts';

/** Files with several names, by device and inode at capture: where the first one was written, once it is. */
export type HardLinks = Map<string, { content: string; written: Promise<Buffer | undefined> }>;

export interface FilePlace {
  path: Buffer;
  temporary: Buffer;
}

export interface FileTools {
  repository: Pick<Repository, 'readContent'>;
  posix: Posix;
  links: HardLinks;
  signal: AbortSignal;
  /** Bytes that were written, or found to be there. */
  onBytes: (bytes: number) => void;
  applyMetadata: (path: Buffer, node: Node) => void;
}

/** Brings one file to its place: kept if it is right, linked if another name of it was written, written otherwise. */
export async function restoreFile(tools: FileTools, node: Node, place: FilePlace): Promise<number> {
  if (node.links < 2 || node.inode === 0n) return writeOrKeep(tools, node, place);
  const key = `${node.deviceId}:${node.inode}`;
  // Two nodes may only be one file if they also say the same of its content: the numbers alone prove nothing.
  const content = (node.content ?? []).join();
  const first = tools.links.get(key);
  if (first?.content === content) {
    const source = await first.written;
    if (source !== undefined) return link(tools, source, node, place);
  }
  const work = writeOrKeep(tools, node, place);
  const written = work.then(
    () => place.path,
    () => undefined,
  );
  if (first === undefined) tools.links.set(key, { content, written });
  return work;
}

async function writeOrKeep(tools: FileTools, node: Node, { path, temporary }: FilePlace): Promise<number> {
  const present = look(tools.posix, path);
  if (present !== undefined && isRight(present, node)) {
    tools.applyMetadata(path, node);
    tools.onBytes(node.size);
    return node.size;
  }
  if (present !== undefined && fileType(present.mode) === 'dir') clear(path, present);
  return writeFile(
    tools.repository,
    node,
    { temporary, final: path },
    { signal: tools.signal, onBytes: tools.onBytes, finish: () => tools.applyMetadata(temporary, node) },
  );
}

/**
 * As restic's `if-changed`: size and time say it, and the time is set after the content was written. A file with other
 * names is made anew, because one of them may lie outside the target and would get the mode and owner too.
 */
function isRight(present: FileStat, node: Node): boolean {
  return (
    fileType(present.mode) === 'file' &&
    present.size === node.size &&
    isSameTime(present.mtime, node.mtime) &&
    present.links === 1
  );
}

function link(tools: FileTools, source: Buffer, node: Node, { path, temporary }: FilePlace): number {
  const present = look(tools.posix, path);
  tools.onBytes(node.size);
  if (present !== undefined && fileType(present.mode) === 'dir') clear(path, present);
  rmSync(temporary, { force: true });
  linkSync(source, temporary);
  renameSync(temporary, path);
  return node.size;
}
