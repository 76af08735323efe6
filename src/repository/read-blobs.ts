import { RelocateError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import type { BlobTable } from './blob-table.ts';
import { idOf } from './crypto.ts';
import { damaged } from './document.ts';
import type { Sealer } from './seal-blob.ts';
import type { BlobType, Id } from './types.ts';

/** A blob that was read, or why none of its copies could be. */
export type ReadBlob = { id: Id; bytes: Buffer } | { id: Id; error: RelocateError };

/** Stretches of packs on their way at once; together with the largest stretch they bound memory. */
const parallelReads = 4;
const maxReadBytes = 8 * 1024 * 1024;
/** To read this much for nothing is quicker than to ask once more. */
const maxGapBytes = 256 * 1024;

/** A stretch of a pack, and the entries of the table that lie in it, by their offsets. */
export interface PackRead {
  pack: Id;
  offset: number;
  length: number;
  rows: number[];
}

export interface BlobSource {
  storage: Storage;
  table: BlobTable;
  sealer: Sealer;
  /** Tries every place a blob lies in: for one that cannot be read where it was looked for. */
  loadBlob: (type: BlobType, id: Id) => Promise<Buffer>;
}

/**
 * Reads many blobs pack by pack, in the order they lie in. Each is verified; one of which no copy can be read is given
 * with its error, for others may be whole. Throws what the storage throws, when it is not about one file.
 */
export async function* readBlobs(
  source: BlobSource,
  type: BlobType,
  ids: Iterable<Id>,
  signal?: AbortSignal,
): AsyncGenerator<ReadBlob, void, void> {
  const rows: number[] = [];
  for (const id of ids) {
    const row = source.table.rowOf(type, id);
    if (row === undefined) yield { id, error: damaged(`blob ${id.slice(0, 8)}, which no index knows,`) };
    else rows.push(row);
  }
  for await (const { read, bytes } of readStretches(source.storage, planReads(source.table, rows), signal)) {
    for (const row of read.rows) {
      const { id, offset, length, uncompressedLength } = source.table.entry(row);
      const sealed = bytes?.subarray(offset - read.offset, offset - read.offset + length);
      const plaintext = sealed && source.sealer.open(sealed, uncompressedLength);
      yield plaintext !== undefined && idOf(plaintext) === id
        ? // The sealer's memory is used for the next blob.
          { id, bytes: Buffer.from(plaintext) }
        : await fromAnywhere(source, type, id);
    }
  }
}

/** The stretches in order, some read ahead; without bytes where the pack cannot give them. */
export async function* readStretches(
  storage: Storage,
  reads: Iterable<PackRead>,
  signal?: AbortSignal,
): AsyncGenerator<{ read: PackRead; bytes: Buffer | undefined }, void, void> {
  const ahead: { read: PackRead; bytes: Promise<Buffer | undefined> }[] = [];
  const next = reads[Symbol.iterator]();
  for (;;) {
    signal?.throwIfAborted();
    while (ahead.length < parallelReads) {
      const turn = next.next();
      if (turn.done === true) break;
      const bytes = loadStretch(storage, turn.value);
      // Whoever comes to it sees the error; until then it is not an unhandled one.
      bytes.catch(() => {});
      ahead.push({ read: turn.value, bytes });
    }
    const first = ahead.shift();
    if (first === undefined) return;
    yield { read: first.read, bytes: await first.bytes };
  }
}

async function loadStretch(
  storage: Storage,
  { pack, offset, length }: PackRead,
): Promise<Buffer | undefined> {
  try {
    return await storage.load({ type: 'pack', name: pack }, { offset, length });
  } catch (error) {
    if (isOfTheFile(error)) return undefined;
    throw error;
  }
}

async function fromAnywhere(source: BlobSource, type: BlobType, id: Id): Promise<ReadBlob> {
  try {
    return { id, bytes: await source.loadBlob(type, id) };
  } catch (error) {
    if (isOfTheFile(error)) return { id, error };
    throw error;
  }
}

/** Damage, or a file that is gone or too short: said of this file, and no reason to give up on others. */
export function isOfTheFile(error: unknown): error is RelocateError {
  if (!(error instanceof RelocateError)) return false;
  const { missing, truncated } = error.facts;
  return error.code === 'repository-damaged' || missing === true || truncated === true;
}

/** Stretches that hold these entries: close ones are read together, none is much longer than `maxReadBytes`. */
export function* planReads(
  table: BlobTable,
  rows: readonly number[] | Uint32Array,
): Generator<PackRead, void, void> {
  const sorted = Uint32Array.from(rows).sort((a, b) => {
    const left = table.numbers(a);
    const right = table.numbers(b);
    return left.packNumber - right.packNumber || left.offset - right.offset;
  });
  let read: PackRead | undefined;
  let readPack = -1;
  for (const row of sorted) {
    const { packNumber, offset, length } = table.numbers(row);
    const end = offset + length;
    const fits =
      read !== undefined &&
      readPack === packNumber &&
      offset - (read.offset + read.length) <= maxGapBytes &&
      end - read.offset <= maxReadBytes;
    if (read !== undefined && fits) {
      read.length = Math.max(read.length, end - read.offset);
      read.rows.push(row);
    } else {
      if (read !== undefined) yield read;
      read = { pack: table.packAt(packNumber), offset, length, rows: [row] };
      readPack = packNumber;
    }
  }
  if (read !== undefined) yield read;
}
