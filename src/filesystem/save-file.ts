import { minChunkBytes } from '../repository/chunker.ts';
import { stateOf } from '../repository/read-whole-file.ts';
import type { Node } from '../repository/tree.ts';
import type { CaptureTools } from './capture.ts';
import { describeFile } from './disk-node.ts';
import { fromRaw, showPath, type RawText } from './paths.ts';
import type { FileStat } from './posix.ts';
import { FileProblem, readFile } from './read-file.ts';
import { toNanoseconds } from './times.ts';

export interface SavedFile {
  /** Undefined where nothing was saved. */
  node: Node | undefined;
  /** Trouble with this file, in words. */
  problem?: string;
}

type SaveTools = Pick<CaptureTools, 'repository' | 'owners' | 'permits' | 'counts' | 'signal'>;

/**
 * Saves a file's content, of which `node` and `stat` tell the rest. Resolves when the file was taken on; wrapped, so that
 * who awaits that does not await the content too. `done` throws what the repository throws.
 */
export async function beginFile(
  tools: SaveTools,
  path: RawText,
  node: Node,
  stat: FileStat,
): Promise<{ done: Promise<SavedFile> }> {
  tools.signal.throwIfAborted();
  if (stat.size >= minChunkBytes) {
    await tools.permits.acquire(1);
    return { done: readAndRelease(tools, path, node.name) };
  }
  const { inode, size: sizeBytes, mtime } = stat;
  const state = stateOf({ inode, sizeBytes, mtimeNs: toNanoseconds(mtime) });
  const { saved } = await tools.repository.saveFile({ path, sizeBytes, state });
  const finish = async (): Promise<SavedFile> => {
    const content = (await saved)?.content;
    if (content !== undefined) return { node: Object.assign(node, { content }) };
    // It changed since the walk came by, or cannot be read: this way finds out which, and what to say.
    await tools.permits.acquire(1);
    return readAndRelease(tools, path, node.name);
  };
  return { done: finish() };
}

async function readAndRelease(tools: SaveTools, path: RawText, name: Buffer): Promise<SavedFile> {
  const { repository, owners, counts, signal, permits } = tools;
  let readBytes = 0;
  const onBytes = (bytes: number): void => {
    readBytes += bytes;
    counts.reading(bytes, () => showPath(fromRaw(path)));
  };
  try {
    const { stat, saved, changed } = await readFile(repository, fromRaw(path), { signal, onBytes });
    const node = describeFile(name, path, stat, owners);
    if (!node) return { node };
    Object.assign(node, { content: saved.content, size: saved.sizeBytes });
    return { node, ...(changed === undefined ? {} : { problem: changed }) };
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    return { node: undefined, problem: error.message };
  } finally {
    counts.read(readBytes);
    permits.release(1);
  }
}
