import { closeSync, constants, fstatSync, open, read } from 'node:fs';
import { promisify } from 'node:util';
import type { Repository } from '../repository/repository.ts';
import type { SavedContent } from '../repository/types.ts';
import { fileType } from './modes.ts';
import { fromNode, type FileStat } from './posix.ts';
import { describeError } from './system-error.ts';

/**
 * What may have to wait for a disk goes to the thread pool; what only asks the kernel is done at once, as a round trip
 * for each of tens of thousands of small files would take longer than to read them. Handles of fs.promises cost more.
 */
const openFile = promisify(open);
const readAt = promisify(read);

/** Something about one file that is the file's own trouble: it is listed, and the rest goes on. */
export class FileProblem extends Error {}

export interface ReadFile {
  /** Of the opened file, before it was read. */
  stat: FileStat;
  saved: SavedContent;
  /** Set where what was saved may be a mixture of two states. */
  changed: string | undefined;
}

/** Up to this size a file is read whole, which is much cheaper; above, it streams. */
const smallBytes = 1024 * 1024;
const streamBytes = 1024 * 1024;

export type ContentSaver = Pick<Repository, 'saveStream' | 'saveBytes'>;

/**
 * Reads a file into the repository. Not through a symlink, and never waiting for a FIFO that took the file's place.
 * Throws FileProblem for what is wrong with the file, and what the repository throws.
 */
export async function readFile(
  repository: ContentSaver,
  path: Buffer,
  options: { signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<ReadFile> {
  const file = await asProblem(() =>
    openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
  );
  try {
    const stat = statOf(file);
    if (fileType(stat.mode) !== 'file') throw new FileProblem('it was replaced while the folder was read');
    const saved = await saveContent(repository, file, stat.size, options);
    const after = statOf(file);
    return { stat, saved, changed: describeChange(stat, saved.sizeBytes, after) };
  } finally {
    closeSync(file);
  }
}

function statOf(file: number): FileStat {
  try {
    return fromNode(fstatSync(file, { bigint: true }));
  } catch (error) {
    throw problemOf(error);
  }
}

async function saveContent(
  repository: ContentSaver,
  file: number,
  expectedBytes: number,
  { signal, onBytes }: { signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<SavedContent> {
  if (expectedBytes > smallBytes) return repository.saveStream(contentOf(file, onBytes), signal);
  // One byte more than expected: a read that fills it says that the file has grown.
  const buffer = Buffer.allocUnsafeSlow(expectedBytes + 1);
  const length = await readUpTo(file, buffer, expectedBytes);
  if (length === buffer.length) return repository.saveStream(contentOf(file, onBytes, buffer), signal);
  onBytes(length);
  return repository.saveBytes(buffer.subarray(0, length));
}

/** Until `expectedBytes` were had by a read that could have had more, or the file's end. */
async function readUpTo(file: number, buffer: Buffer, expectedBytes: number): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await asProblem(() => readAt(file, buffer, length, buffer.length - length, null));
    length += bytesRead;
    if (bytesRead === 0 || length === expectedBytes) break;
  }
  return length;
}

/** Of files that were read to their end. Fresh memory for each piece would cost as much time as the reading. */
const streamBuffers: [Buffer, Buffer][] = [];

const newStreamBuffer = (): Buffer => Buffer.allocUnsafeSlow(streamBytes);

async function readInto(file: number, buffer: Buffer): Promise<number> {
  return (await readAt(file, buffer, 0, buffer.length, null)).bytesRead;
}

/** Each piece is good until the next one is asked for. */
async function* contentOf(
  file: number,
  onBytes: (bytes: number) => void,
  beginning?: Buffer,
): AsyncGenerator<Buffer, void, void> {
  if (beginning) {
    onBytes(beginning.length);
    yield beginning;
  }
  // Two buffers in turns: one is being read into while the bytes of the other one are worked on.
  let [current, next] = streamBuffers.pop() ?? [newStreamBuffer(), newStreamBuffer()];
  let reading = readInto(file, current);
  try {
    for (;;) {
      const bytesRead = await asProblem(() => reading);
      if (bytesRead === 0) break;
      reading = readInto(file, next);
      // Whoever awaits it next hears of its failure.
      reading.catch(() => {});
      onBytes(bytesRead);
      yield current.subarray(0, bytesRead);
      [current, next] = [next, current];
    }
  } finally {
    // The file is closed after this: nothing may read from its number any more.
    await reading.catch(() => {});
  }
  streamBuffers.push([current, next]);
}

function describeChange(before: FileStat, readBytes: number, after: FileStat): string | undefined {
  if (readBytes !== before.size) {
    return `it changed while it was read: ${before.size} bytes at first, ${readBytes} were read`;
  }
  const same =
    after.mtime.seconds === before.mtime.seconds && after.mtime.nanoseconds === before.mtime.nanoseconds;
  return same ? undefined : 'it changed while it was read';
}

/** Turns the file system's errors into the file's own. */
async function asProblem<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw problemOf(error);
  }
}

const problemOf = (error: unknown): FileProblem => new FileProblem(describeError(error), { cause: error });
