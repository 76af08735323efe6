import { RelocateError } from '../errors.ts';
import type { FileRange, Storage } from '../storage/storage.ts';
import { Arena } from './arena.ts';
import type { BlobLocation, BlobTable } from './blob-table.ts';
import { maxPlainBytes } from './compression.ts';
import { idOf, sealBytes, type MasterKey } from './crypto.ts';
import { damaged } from './document.ts';
import { Limit } from './limit.ts';
import type { LoadedBlob, OpenedBlob } from './open-blobs.ts';
import { OpenPool, type BlobConsumer } from './open-pool.ts';
import type { PackedBlob } from './pack.ts';
import { isOfTheFile } from './read-blobs.ts';
import { ReadPlan, splitIntoRuns, type Run, type WantedBlob } from './read-plan.ts';
import { TreeBlocks } from './tree-blocks.ts';
import type { BlobType, Id } from './types.ts';

/** One blob, and what is to be done with it. */
export interface BlobOrder<Work> {
  id: Id;
  work: Work;
}

export interface BlobOutcomes<Work, Result> {
  done: (work: Work, result: Result) => void;
  /** Nothing was done: no place has the blob whole. With what is wrong at the last one. */
  failed: (work: Work, error: unknown) => void;
}

/** Sealed bytes on their way from the storage through the threads: what bounds memory, whatever is read. */
const inFlightBytes = 48 * 1024 * 1024;
const maxLoads = 16;
/** For whole packs. */
const wholePacksBytes = 96 * 1024 * 1024;
/**
 * Wanted, and not loaded yet. The more there is, the more of a pack's blobs, and of what is wanted of each, are known
 * when it is loaded; but threads shall have work while the rest is ordered.
 */
const planBytes = 256 * 1024 * 1024;
const planBlobs = 16_000;
const firstBytes = 32 * 1024 * 1024;
const fewRuns = 4;
/** In a repository of which hardly anything can be worth starting threads for. */
const fewBlobs = 500;

/** The reading side of a repository: finds, loads, opens and verifies blobs. */
export class Reader {
  readonly #storage: Storage;
  readonly table: BlobTable;
  readonly pool: OpenPool;
  readonly #arena = new Arena(inFlightBytes);
  readonly #loads = new Limit(maxLoads);
  readonly #trees: TreeBlocks;

  constructor(storage: Storage, key: MasterKey, table: BlobTable) {
    this.#storage = storage;
    this.table = table;
    this.pool = new OpenPool(key, this.#arena.memory);
    this.#trees = new TreeBlocks(storage);
  }

  /** Starts what reading much will need; a repository of little needs nothing. */
  prepare(): void {
    if (this.table.size > fewBlobs) this.pool.prepare(Infinity);
  }

  async loadBlob(type: BlobType, id: Id): Promise<Buffer> {
    let problem: unknown;
    for (const place of this.table.locations(type, id)) {
      try {
        const sealed = await this.#loadSealed(type, place);
        const plaintext = this.pool.sealer().open(sealed, place.uncompressedLength);
        // The sealer's memory is used for the next blob.
        if (plaintext !== undefined && idOf(plaintext) === id) return Buffer.from(plaintext);
        problem = damagedAt(id, place);
      } catch (error) {
        problem = error;
      }
    }
    throw problem ?? unknown(id);
  }

  /** Plaintext bytes; undefined for a blob that no index knows. */
  blobSize(type: BlobType, id: Id): number | undefined {
    return this.table.plainSize(type, id);
  }

  /**
   * Loads each blob once and hands it to the consumer for each of its orders, in the sequence that is quickest. Resolves
   * when all are done or failed; throws what the orders throw, and what a handler does, once nothing is under way.
   */
  async consumeBlobs<Work, Result>(
    type: BlobType,
    orders: AsyncIterable<readonly BlobOrder<Work>[]>,
    consumer: BlobConsumer<Work, Result>,
    outcomes: BlobOutcomes<Work, Result>,
    signal?: AbortSignal,
  ): Promise<void> {
    const plan = new ReadPlan();
    const running = new Set<Promise<void>>();
    let failure: { error: unknown } | undefined;
    const throwFailure = () => {
      if (failure) throw failure.error;
      signal?.throwIfAborted();
    };
    // Works come back to who ordered them: of which kind they are is for him and his consumer to know.
    // oxlint-disable-next-line no-unsafe-type-assertion
    const ways = { consumer, outcomes } as unknown as Ways;
    const start = async (run: Run) => {
      await this.#loads.acquire(1);
      const work = this.#read(run, ways)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => {
          this.#loads.release(1);
          running.delete(work);
        });
      running.add(work);
    };
    try {
      for await (const some of orders) {
        throwFailure();
        for (const { id, work } of some) {
          const [first, ...others] = this.table.locations(type, id);
          if (first === undefined) outcomes.failed(work, unknown(id));
          else plan.add(id, work, [first, ...others]);
        }
        this.pool.prepare(plan.sealedBytes);
        const isDue = () =>
          plan.blobs > planBlobs ||
          plan.sealedBytes > planBytes ||
          (running.size < fewRuns && plan.sealedBytes > firstBytes);
        while (isDue()) {
          for (const run of plan.takeFullest()) {
            await start(run);
            throwFailure();
          }
        }
      }
      while (plan.blobs > 0) {
        for (const run of plan.takeFullest()) {
          await start(run);
          throwFailure();
        }
      }
    } finally {
      // Nobody may write behind the caller's back, also after a failure.
      while (running.size > 0) await Promise.all(running);
    }
    throwFailure();
  }

  /** Reads packs whole and verifies every byte; `read` hears of each, with what is wrong with it in a sentence. */
  async readPacks(
    packs: Iterable<{ pack: Id; sizeBytes: number; indexed: readonly PackedBlob[] }>,
    read: (pack: Id, sizeBytes: number, damage: string | undefined) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    // What is not taken yet is not made yet: packs may come with what millions of blobs are called.
    const next = Iterator.from(packs);
    const arena = new Arena(wholePacksBytes);
    const readSome = async () => {
      for (const { pack, sizeBytes, indexed } of next) {
        if (signal?.aborted === true) return;
        const slot = await arena.take(sizeBytes);
        try {
          await loadInto(this.#storage, { pack, offset: 0, length: sizeBytes }, slot.bytes);
          read(
            pack,
            sizeBytes,
            await this.pool.checkPack(slot.bytes.subarray(0, sizeBytes), { pack, indexed }),
          );
        } catch (error) {
          if (!(error instanceof RelocateError)) throw error;
          read(pack, 0, error.message);
        } finally {
          slot.release();
        }
      }
    };
    await Promise.all(Array.from({ length: maxLoads }, readSome));
    signal?.throwIfAborted();
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  async #loadSealed(type: BlobType, place: BlobLocation): Promise<Buffer> {
    if (place.length > maxPlainBytes + sealBytes) throw damaged(`pack ${place.pack.slice(0, 8)}`);
    if (type === 'tree') {
      const sealed = await this.#trees.load(place, this.table.packEnd(place.pack));
      if (sealed !== undefined) return sealed;
    }
    return this.#storage.load({ type: 'pack', name: place.pack }, rangeOf(place));
  }

  /** Loads and opens a run; what fails in it is tried again by itself, then at its other places. */
  async #read(run: Run, ways: Ways): Promise<void> {
    const { opened, problem } = await this.#open(run, ways.consumer);
    const again: WantedBlob[] = [];
    for (const [index, blob] of run.blobs.entries()) {
      const results = opened?.[index];
      if (results !== undefined) {
        for (const [at, work] of blob.works.entries()) ways.outcomes.done(work, results[at]);
        continue;
      }
      const error = problem ?? damagedAt(blob.id, blob.place);
      const [next, ...others] = blob.others;
      if (run.blobs.length > 1 && (problem === undefined || isOfTheFile(problem))) again.push(blob);
      else if (next !== undefined) again.push({ ...blob, place: next, others });
      else for (const work of blob.works) ways.outcomes.failed(work, error);
    }
    for (const blob of again) for (const alone of splitIntoRuns([blob])) await this.#read(alone, ways);
  }

  async #open(
    run: Run,
    consumer: BlobConsumer<unknown, unknown>,
  ): Promise<{ opened?: OpenedBlob[]; problem?: unknown }> {
    if (run.length > maxPlainBytes + sealBytes) return { problem: damaged(`pack ${run.pack.slice(0, 8)}`) };
    const slot = await this.#arena.take(run.length);
    try {
      try {
        await loadInto(this.#storage, run, slot.bytes);
      } catch (problem) {
        return { problem };
      }
      const blobs = run.blobs.map(({ id, works, place }): LoadedBlob => {
        const { length, uncompressedLength } = place;
        return { id, works, at: place.offset - run.offset, length, uncompressedLength };
      });
      return { opened: await this.pool.open(slot.bytes, blobs, consumer) };
    } finally {
      slot.release();
    }
  }
}

interface Ways {
  consumer: BlobConsumer<unknown, unknown>;
  outcomes: BlobOutcomes<unknown, unknown>;
}

const rangeOf = ({ offset, length }: BlobLocation): FileRange => ({ offset, length });

/** Reads a part of a pack to the beginning of memory of ours, whatever memory the storage likes to use. */
export async function loadInto(
  storage: Storage,
  { pack, offset, length }: { pack: Id; offset: number; length: number },
  memory: Buffer,
): Promise<void> {
  const bytes = await storage.load({ type: 'pack', name: pack }, { offset, length, into: memory });
  if (bytes.length < length) throw damaged(`pack ${pack.slice(0, 8)}`);
  if (bytes.buffer !== memory.buffer || bytes.byteOffset !== memory.byteOffset) bytes.copy(memory);
}

function damagedAt(id: Id, { pack }: { pack: Id }): RelocateError {
  return damaged(`blob ${id.slice(0, 8)} in pack ${pack.slice(0, 8)}`, undefined, { pack });
}

const unknown = (id: Id): RelocateError => damaged(`blob ${id.slice(0, 8)}, which no index knows,`);
