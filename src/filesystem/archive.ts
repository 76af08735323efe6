import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { Limit } from '../repository/limit.ts';
import type { Repository } from '../repository/repository.ts';
import { encodeTree, type Node } from '../repository/tree.ts';
import type { Id, StoredSnapshot } from '../repository/types.ts';
import type { CaptureSlot, DiskSummary } from '../sources/source.ts';
import { captureFolder, type CaptureTools } from './capture.ts';
import { createCounts, type TreeSummary } from './counts.ts';
import { toGoMode, type FileType } from './modes.ts';
import { localOwners } from './owners.ts';
import { showPath, splitSnapshotPath } from './paths.ts';
import { parsePatterns } from './patterns.ts';
import { loadPosix, warnOfLimits } from './posix.ts';
import { FileProblem } from './read-file.ts';
import { describeError, isSystemError } from './system-error.ts';
import { formatTime } from './times.ts';
import { findNode } from './trees.ts';

/** The tree of one snapshot while it is being made. Slots may be filled side by side; memory stays bounded. */
export interface Archive {
  /** The folder at `path`, e.g. `/data/db`, to be filled by one source. It is there even if nothing is put in. */
  slot(path: string): CaptureSlot;
  /** Adds one file; folders above it are made. The default mode is 0644. */
  addFile(
    path: string,
    content: AsyncIterable<Uint8Array> | Uint8Array | string,
    options?: { mode?: number },
  ): Promise<{ sizeBytes: number }>;
  /** Saves the folders above the slots. Everything must have been added. */
  finish(): Promise<{ tree: Id; summary: TreeSummary }>;
}

/** Files that are read at the same time: enough to hide the latency of a disk, few enough to hold whole in memory. */
const defaultReadConcurrency = 8;

/** Slots hold what may be secret: a dump is for its owner alone. */
const slotFileMode = 0o600;

interface Folder {
  children: Map<string, Folder | Node>;
}

export function createArchive(
  repository: Repository,
  {
    parent,
    emit,
    signal,
    readConcurrency = defaultReadConcurrency,
  }: {
    parent?: StoredSnapshot;
    emit: Emit;
    signal: AbortSignal;
    readConcurrency?: number | undefined;
  },
): Archive {
  const now = Date.now();
  const moment = formatTime({ seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1_000_000 });
  const counts = createCounts(emit);
  const root: Folder = { children: new Map() };
  const permits = new Limit(readConcurrency);

  const tools = async (): Promise<CaptureTools> => ({
    repository,
    posix: await loadPosix(),
    owners: localOwners(),
    counts,
    permits,
    emit,
    signal,
  });

  const save = async (
    pathOf: () => string | undefined,
    content: AsyncIterable<Uint8Array> | Uint8Array | string,
    { mode, shownPath }: { mode: number; shownPath: string },
  ): Promise<{ sizeBytes: number }> => {
    signal.throwIfAborted();
    const saved = isStream(content)
      ? await repository.saveStream(countBytes(content, counts, shownPath), signal)
      : await repository.saveBytes(typeof content === 'string' ? Buffer.from(content) : content);
    const path = pathOf();
    if (path === undefined) return { sizeBytes: saved.sizeBytes };
    const { folder, name } = placeOf(root, path);
    const node: Node = {
      ...madeNode(name, 'file', mode, moment),
      size: saved.sizeBytes,
      links: 1,
      content: saved.content,
    };
    put(folder, name, node);
    counts.file(node, 'new', () => path);
    return { sizeBytes: saved.sizeBytes };
  };

  const keepFile = async (path: string): Promise<{ sizeBytes: number } | undefined> => {
    const before = parent && (await findParent(repository, parent, path, emit));
    if (before?.type !== 'file' || before.content?.every((id) => repository.hasBlob('data', id)) !== true) {
      return undefined;
    }
    const { folder, name } = placeOf(root, path);
    put(folder, name, before);
    counts.file(before, 'unmodified', () => path);
    return { sizeBytes: before.size };
  };

  const addDisk = async (
    slotPath: string,
    path: string,
    excludes: readonly string[],
  ): Promise<DiskSummary> => {
    const { folder, name } = placeOf(root, slotPath);
    const patterns = parsePatterns(excludes);
    const capture = await tools();
    if (capture.posix.limits !== undefined) emit(warnOfLimits(capture.posix.limits));
    const before = parent && (await findParent(repository, parent, slotPath, emit));
    const { node, summary } = await capturePath(capture, path, name, { excludes: patterns, parent: before });
    counts.folder(before === undefined ? 'new' : before.subtree === node.subtree ? 'unmodified' : 'changed');
    folder.children.set(name, node);
    return summary;
  };

  return {
    slot(path) {
      const { folder, name } = placeOf(root, path);
      put(folder, name, { children: new Map() });
      return {
        addFile: (given, content) => {
          const pathOf = (): string | undefined => {
            const fileName = typeof given === 'string' ? given : given();
            return fileName === undefined ? undefined : `${path}/${fileName}`;
          };
          const shownPath = typeof given === 'string' ? `${path}/${given}` : path;
          return save(pathOf, content, { mode: slotFileMode, shownPath });
        },
        keepFile: (fileName) => keepFile(`${path}/${fileName}`),
        addDisk: (diskPath, { excludes }) => addDisk(path, diskPath, excludes),
      };
    },
    addFile: (path, content, { mode = 0o644 } = {}) => save(() => path, content, { mode, shownPath: path }),
    async finish() {
      const tree = await saveFolder(repository, root, (name) => {
        counts.folder('new');
        return madeNode(name, 'dir', 0o755, moment);
      });
      return { tree, summary: counts.summary };
    },
  };
}

async function capturePath(
  tools: CaptureTools,
  path: string,
  name: string,
  options: Parameters<typeof captureFolder>[3],
): Promise<Awaited<ReturnType<typeof captureFolder>>> {
  try {
    return await captureFolder(tools, Buffer.from(path), Buffer.from(name), options);
  } catch (error) {
    if (!(error instanceof FileProblem) && !isSystemError(error)) throw error;
    throw new RelocateError('source-failed', `The folder ${path} cannot be read: ${describeError(error)}.`, {
      facts: { path },
      hint: 'Nothing of this snapshot was kept; earlier ones are untouched. Run it again when the folder is there.',
      cause: error,
    });
  }
}

/** A file or folder that is on no disk: of this process's user, with the time of the snapshot. */
function madeNode(name: string, type: FileType, mode: number, moment: string): Node {
  const owners = localOwners();
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  return {
    name: Buffer.from(name),
    type,
    mode: toGoMode(mode, type),
    mtime: moment,
    atime: moment,
    ctime: moment,
    uid,
    gid,
    user: owners.user(uid),
    group: owners.group(gid),
    inode: 0n,
    deviceId: 0n,
    size: 0,
    links: 0,
    device: 0n,
  };
}

/** Finds the folder that `path` lies in, making those that are missing. */
function placeOf(root: Folder, path: string): { folder: Folder; name: string } {
  const names = splitSnapshotPath(path).map((name) => name.toString());
  const name = names.pop();
  if (name === undefined || name === '..')
    throw new RelocateError('internal', `No path of a snapshot: ${path}`);
  let folder = root;
  for (const step of names) {
    const next = folder.children.get(step) ?? { children: new Map() };
    if (!isFolder(next)) throw new RelocateError('internal', `${path} lies in a file or a captured folder.`);
    folder.children.set(step, next);
    folder = next;
  }
  return { folder, name };
}

function put(folder: Folder, name: string, child: Folder | Node): void {
  if (folder.children.has(name)) throw new RelocateError('internal', `${name} was added twice.`);
  folder.children.set(name, child);
}

const isFolder = (child: Folder | Node): child is Folder => 'children' in child;

async function saveFolder(repository: Repository, folder: Folder, made: (name: string) => Node): Promise<Id> {
  const nodes: Node[] = [];
  for (const [name, child] of folder.children) {
    nodes.push(
      isFolder(child) ? { ...made(name), subtree: await saveFolder(repository, child, made) } : child,
    );
  }
  return repository.saveTree(encodeTree(nodes));
}

async function findParent(
  repository: Repository,
  parent: StoredSnapshot,
  path: string,
  emit: Emit,
): Promise<Node | undefined> {
  try {
    return await findNode(repository, parent.tree, path);
  } catch (error) {
    emit({
      type: 'warning',
      code: 'parent-unreadable',
      message: `The previous snapshot cannot be read; all files are read again. ${describeError(error)}`,
      item: showPath(Buffer.from(path)),
    });
    return undefined;
  }
}

function isStream(
  content: AsyncIterable<Uint8Array> | Uint8Array | string,
): content is AsyncIterable<Uint8Array> {
  return typeof content === 'object' && Symbol.asyncIterator in content;
}

async function* countBytes(
  content: AsyncIterable<Uint8Array>,
  counts: ReturnType<typeof createCounts>,
  path: string,
): AsyncGenerator<Uint8Array, void, void> {
  let bytes = 0;
  try {
    for await (const part of content) {
      bytes += part.length;
      counts.reading(part.length, () => path);
      yield part;
    }
  } finally {
    counts.read(bytes);
  }
}
