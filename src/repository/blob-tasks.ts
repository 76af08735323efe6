import { hash } from 'node:crypto';
import { ivBytes, sealBytes } from './crypto.ts';
import { readWholeFile } from './read-whole-file.ts';
import type { Sealed, Sealer } from './seal-blob.ts';
import type { Id } from './types.ts';

/**
 * What is done to blobs apart from the main thread: each task works on one stretch of memory, in which blobs lie one
 * after the other, each with room around it for what sealing adds. Numbers and names go to and fro, never bytes; and
 * packed, because to send thousands of small objects costs more than much of what is done.
 */
export interface BlobTasks {
  /** Reads files into the memory, one blob each: `path`, `state`, `path`, …, which hold no zero, with a zero between. */
  read: { ask: { files: string; sizes: Float64Array }; answer: PackedDigests };
  /** The digest of one plaintext. */
  digest: { ask: { at: number; length: number }; answer: Digest };
  /** Of a stored file's content, from the memory's beginning. */
  hash: { ask: { length: number }; answer: Id };
  /** Seals blobs where they are: `at`, `length`, `mark` of each. Throws `internal` where the memory cannot be trusted. */
  seal: { ask: { blobs: Float64Array }; answer: Float64Array };
}

/** Files that are not as expected, or cannot be read, have the mark `noDigest`. */
export interface PackedDigests {
  /** 32 bytes each. */
  ids: Uint8Array;
  marks: Float64Array;
}

export type TaskName = keyof BlobTasks;
export type Ask = { [Name in TaskName]: { task: Name } & BlobTasks[Name]['ask'] }[TaskName];
export type Answer<Name extends TaskName> = BlobTasks[Name]['answer'];

export interface Digest {
  id: Id;
  /** A check of the plaintext that is cheap to make again: the ID is not. */
  mark: number;
}

export interface PlacedBlob extends Digest {
  /** Where the blob's place begins; its plaintext stands 16 bytes behind that. */
  at: number;
  length: number;
}

export interface ExpectedFile {
  /** Its bytes as characters up to 255. */
  path: string;
  sizeBytes: number;
  /** What `stateOf` says while the file is as it was when it was looked at. */
  state: string;
}

/** The place that a blob of this length takes. */
export const roomFor = (plaintextBytes: number): number => plaintextBytes + sealBytes;

/** Puts plaintext where the tasks look for it. */
export function place(memory: Buffer, at: number, plaintext: Uint8Array): void {
  memory.set(plaintext, at + ivBytes);
}

export function perform(sealer: Sealer, memory: Buffer, ask: Ask): Answer<TaskName> {
  if (ask.task === 'read') return readAll(sealer, memory, ask);
  if (ask.task === 'seal') return sealAll(sealer, memory, ask.blobs);
  if (ask.task === 'hash') return hash('sha256', memory.subarray(0, ask.length), 'hex');
  return digestOf(sealer, plaintextAt(memory, ask.at, ask.length));
}

const plaintextAt = (memory: Buffer, at: number, length: number): Buffer =>
  memory.subarray(at + ivBytes, at + ivBytes + length);

const digestOf = (sealer: Sealer, plaintext: Buffer): Digest => ({
  id: hash('sha256', plaintext, 'hex'),
  mark: sealer.markOf(plaintext),
});

const idBytes = 32;
const noDigest = -1;

export function packFiles(files: readonly ExpectedFile[]): BlobTasks['read']['ask'] {
  return {
    files: files.map(({ path, state }) => `${path}\0${state}`).join('\0'),
    sizes: Float64Array.from(files, ({ sizeBytes }) => sizeBytes),
  };
}

function readAll(sealer: Sealer, memory: Buffer, { files, sizes }: BlobTasks['read']['ask']): PackedDigests {
  const names = files.split('\0');
  const ids = Buffer.alloc(sizes.length * idBytes);
  const marks = new Float64Array(sizes.length).fill(noDigest);
  let at = 0;
  for (const [index, sizeBytes] of sizes.entries()) {
    const plaintext = plaintextAt(memory, at, sizeBytes);
    const [path = '', state = ''] = names.slice(2 * index, 2 * index + 2);
    if (readWholeFile({ path, state, sizeBytes }, plaintext)) {
      const { id, mark } = digestOf(sealer, plaintext);
      ids.write(id, index * idBytes, 'hex');
      marks[index] = mark;
    }
    at += roomFor(sizeBytes);
  }
  return { ids, marks };
}

/** What was read, by file. */
export function unpackDigests(
  { ids, marks }: PackedDigests,
  files: readonly ExpectedFile[],
): (PlacedBlob | undefined)[] {
  const hex = Buffer.from(ids.buffer, ids.byteOffset, ids.length);
  let next = 0;
  return files.map(({ sizeBytes: length }, index) => {
    const at = next;
    next += roomFor(length);
    const mark = marks[index] ?? noDigest;
    if (mark === noDigest) return undefined;
    return { id: hex.toString('hex', index * idBytes, (index + 1) * idBytes), mark, at, length };
  });
}

export function packBlobs(blobs: readonly PlacedBlob[]): BlobTasks['seal']['ask'] {
  const packed = new Float64Array(blobs.length * 3);
  for (const [index, { at, length, mark }] of blobs.entries()) packed.set([at, length, mark], index * 3);
  return { blobs: packed };
}

function sealAll(sealer: Sealer, memory: Buffer, blobs: Float64Array): Float64Array {
  const sealed = new Float64Array((blobs.length / 3) * 2);
  for (let index = 0; index < blobs.length / 3; index += 1) {
    const [at = 0, length = 0, mark = 0] = blobs.subarray(index * 3, index * 3 + 3);
    const done = sealer.seal(memory.subarray(at, at + roomFor(length)), { length, mark });
    sealed[index * 2] = done.length;
    sealed[index * 2 + 1] = done.uncompressedLength;
  }
  return sealed;
}

/** For each blob, in its order. */
export function unpackSealed(sealed: Float64Array): Sealed[] {
  return Array.from({ length: sealed.length / 2 }, (_, index) => ({
    length: sealed[index * 2] ?? 0,
    uncompressedLength: sealed[index * 2 + 1] ?? 0,
  }));
}
