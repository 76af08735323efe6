import type { Storage } from '../storage/storage.ts';
import { Arena, type Slot } from './arena.ts';
import { BlobPool } from './blob-pool.ts';
import type { BlobTable } from './blob-table.ts';
import { packBlobs, place, roomFor, unpackSealed, type ExpectedFile, type PlacedBlob } from './blob-tasks.ts';
import { Chunker, chunkerTables, minChunkBytes } from './chunker.ts';
import type { Compression } from './compression.ts';
import type { Config } from './config.ts';
import { idOf, type MasterKey } from './crypto.ts';
import { blobsPerIndex, saveIndex } from './index-files.ts';
import type { PackedBlob } from './pack.ts';
import { Packer } from './packer.ts';
import { SmallFiles } from './small-files.ts';
import type { BlobType, Id, SavedContent, SaveStats } from './types.ts';

/** Memory for blobs on their way through the threads at any time: what bounds it all, whatever comes in. */
const inFlightBytes = 32 * 1024 * 1024;
/** Blobs smaller than this go to the threads together with others. */
const smallBytes = minChunkBytes;
const batchBytes = 1024 * 1024;
const batchBlobs = 256;
const indexFlushMs = 10 * 60_000;

export interface WriterOptions {
  compression: Compression;
  /** Threads that read, compress and seal; one for each core where it is left out. */
  threadCount?: number | undefined;
}

/** The writing side of a repository: cuts, deduplicates, seals, packs, indexes. */
export class Writer {
  readonly #storage: Storage;
  readonly #key: MasterKey;
  readonly #config: Config;
  readonly #table: BlobTable;
  readonly #pool: BlobPool;
  readonly #packers: Record<BlobType, Packer>;
  readonly #memory = new Arena(inFlightBytes);
  readonly #smallFiles: SmallFiles;
  /** Small blobs that wait for others to go with. */
  readonly #batches: Record<BlobType, OpenBatch | undefined> = { data: undefined, tree: undefined };
  readonly #opening: Record<BlobType, Promise<void> | undefined> = { data: undefined, tree: undefined };
  /** Blobs that are on their way and not in the table yet: saved once however often they come. */
  readonly #onTheWay: Record<BlobType, Set<Id>> = { data: new Set(), tree: new Set() };
  #tables: ReturnType<typeof chunkerTables> | undefined;
  readonly #chunkers: Chunker[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #failure: { error: unknown } | undefined;
  #unindexed = new Map<Id, readonly PackedBlob[]>();
  #unindexedBlobs = 0;
  #indexedAtMs = Date.now();
  #indexing: Promise<unknown> = Promise.resolve();
  readonly stats: SaveStats = { dataBlobs: 0, treeBlobs: 0, addedBytes: 0, addedPackedBytes: 0 };

  constructor(
    storage: Storage,
    key: MasterKey,
    config: Config,
    table: BlobTable,
    { compression, threadCount }: WriterOptions,
  ) {
    this.#storage = storage;
    this.#key = key;
    this.#config = config;
    this.#table = table;
    this.#pool = new BlobPool(
      key,
      config.version > 1 ? compression : 'off',
      this.#memory.memory,
      threadCount,
    );
    this.#smallFiles = new SmallFiles({
      pool: this.#pool,
      memory: this.#memory,
      store: (slot, blobs) => this.#store('data', slot, blobs),
    });
    const tools = {
      storage,
      key,
      digest: (bytes: Buffer) => this.#pool.run<'hash'>(bytes, 0, { task: 'hash', length: bytes.length }),
      stored: (pack: Id, blobs: readonly PackedBlob[]) => this.#packStored(pack, blobs),
    };
    this.#packers = { data: new Packer('data', tools), tree: new Packer('tree', tools) };
  }

  async saveStream(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SavedContent> {
    this.#tables ??= chunkerTables(this.#config.polynomial);
    // One that fails on its way is not used again: what it holds is of a stream that has no end.
    const chunker = this.#chunkers.pop() ?? new Chunker(this.#tables);
    const ids: Promise<Id>[] = [];
    let sizeBytes = 0;
    const save = async (chunk: Buffer) => {
      sizeBytes += chunk.length;
      ids.push((await this.#takeOn('data', chunk)).id);
    };
    for await (const bytes of content) {
      signal?.throwIfAborted();
      for (const chunk of chunker.push(bytes)) await save(chunk);
    }
    const last = chunker.finish();
    if (last) await save(last);
    this.#chunkers.push(chunker);
    return { content: await Promise.all(ids), sizeBytes };
  }

  async saveBytes(content: Uint8Array): Promise<SavedContent> {
    if (content.length === 0) return { content: [], sizeBytes: 0 };
    if (content.length >= minChunkBytes) return this.saveStream(once(content));
    return { content: [await this.saveBlob('data', content)], sizeBytes: content.length };
  }

  /** As the contract in repository.ts says. */
  async saveFile(file: ExpectedFile): Promise<{ saved: Promise<SavedContent | undefined> }> {
    this.#throwFailure();
    const { blob } = await this.#smallFiles.add(file);
    const saved = blob.then(
      (read) => read && { content: read.length === 0 ? [] : [read.id], sizeBytes: read.length },
    );
    this.#watch(saved);
    return { saved };
  }

  /** Resolves when the blob was copied and its ID is known; `flush` tells when it is stored. */
  async saveBlob(type: BlobType, plaintext: Uint8Array, knownId?: Id): Promise<Id> {
    return (await this.#takeOn(type, plaintext, knownId)).id;
  }

  isOnTheWay(type: BlobType, id: Id): boolean {
    return this.#onTheWay[type].has(id);
  }

  async flush(): Promise<void> {
    do {
      this.#sendOpen('data');
      this.#sendOpen('tree');
      await Promise.all(this.#running);
      this.#throwFailure();
      // What was read meanwhile is sealed now.
    } while (this.#running.size > 0);
    await Promise.all([this.#packers.data.flush(), this.#packers.tree.flush()]);
    await this.#flushIndex();
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Resolves when the plaintext was copied. Wrapped, so that who awaits the copy doesn't await the ID too. */
  async #takeOn(type: BlobType, plaintext: Uint8Array, knownId?: Id): Promise<{ id: Promise<Id> }> {
    this.#throwFailure();
    if (plaintext.length >= smallBytes) return this.#takeOnLarge(type, plaintext, knownId);
    const id = knownId ?? idOf(plaintext);
    if (this.#isNew(type, id)) {
      const mark = this.#pool.markOf(plaintext);
      this.#onTheWay[type].add(id);
      await this.#addToBatch(type, plaintext, { id, mark });
      this.#throwFailure();
    }
    return { id: Promise.resolve(id) };
  }

  /** Digested in a thread, where it lies: the digest of a large blob is most of what it costs that is known already. */
  async #takeOnLarge(type: BlobType, plaintext: Uint8Array, knownId?: Id): Promise<{ id: Promise<Id> }> {
    if (knownId !== undefined && !this.#isNew(type, knownId)) return { id: Promise.resolve(knownId) };
    const { length } = plaintext;
    const slot = await this.#memory.take(roomFor(length));
    place(slot.bytes, 0, plaintext);
    const digest = this.#pool.run<'digest'>(slot.bytes, length, { task: 'digest', at: 0, length });
    const id = digest.then(
      ({ id, mark }) => {
        this.#store(type, slot, [{ id, mark, at: 0, length }]);
        return id;
      },
      (error: unknown) => {
        slot.release();
        throw error;
      },
    );
    this.#watch(id);
    return { id };
  }

  #isNew(type: BlobType, id: Id): boolean {
    return !this.#onTheWay[type].has(id) && !this.#table.has(type, id);
  }

  /** Seals and packs those that are new; the slot is let go of at the end. */
  #store(type: BlobType, slot: Slot, blobs: readonly PlacedBlob[]): void {
    const fresh: PlacedBlob[] = [];
    for (const blob of blobs) {
      if (blob.length === 0 || !this.#isNew(type, blob.id)) continue;
      this.#onTheWay[type].add(blob.id);
      fresh.push(blob);
    }
    if (fresh.length === 0) slot.release();
    else this.#send(type, { slot, blobs: fresh, usedBytes: 0 });
  }

  /** Waits where all memory is in use. */
  async #addToBatch(type: BlobType, plaintext: Uint8Array, digest: { id: Id; mark: number }): Promise<void> {
    const room = roomFor(plaintext.length);
    for (;;) {
      const batch = this.#batches[type];
      if (batch && batch.usedBytes + room <= batch.slot.bytes.length && batch.blobs.length < batchBlobs) {
        place(batch.slot.bytes, batch.usedBytes, plaintext);
        batch.blobs.push({ ...digest, at: batch.usedBytes, length: plaintext.length });
        batch.usedBytes += room;
        return;
      }
      this.#sendOpen(type);
      // Of all who wait for the next batch, the first ones may fill it.
      this.#opening[type] ??= this.#open(type);
      await this.#opening[type];
    }
  }

  async #open(type: BlobType): Promise<void> {
    this.#batches[type] = { slot: await this.#memory.take(batchBytes), blobs: [], usedBytes: 0 };
    this.#opening[type] = undefined;
  }

  #sendOpen(type: BlobType): void {
    const batch = this.#batches[type];
    if (batch === undefined) return;
    this.#batches[type] = undefined;
    this.#send(type, batch);
  }

  #send(type: BlobType, batch: OpenBatch): void {
    this.#watch(this.#sealAndPack(type, batch).finally(() => batch.slot.release()));
  }

  /** `flush` waits for it, and its failure is everybody's. */
  #watch(work: Promise<unknown>): void {
    const watched = work
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(watched));
    this.#running.add(watched);
  }

  async #sealAndPack(type: BlobType, { slot, blobs }: OpenBatch): Promise<void> {
    const sizeBytes = blobs.reduce((sum, { length }) => sum + length, 0);
    const sealed = await this.#pool.run<'seal'>(slot.bytes, sizeBytes, { task: 'seal', ...packBlobs(blobs) });
    for (const [index, { length, uncompressedLength }] of unpackSealed(sealed).entries()) {
      const { id, at, length: plainBytes } = blobs[index] ?? { id: '', at: 0, length: 0 };
      this.stats[type === 'data' ? 'dataBlobs' : 'treeBlobs'] += 1;
      this.stats.addedBytes += plainBytes;
      this.stats.addedPackedBytes += length;
      await this.#packers[type].add(id, slot.bytes.subarray(at, at + length), uncompressedLength);
    }
  }

  async #packStored(pack: Id, blobs: readonly PackedBlob[]): Promise<void> {
    for (const blob of blobs) {
      this.#table.add(pack, blob);
      this.#onTheWay[blob.type].delete(blob.id);
    }
    this.#unindexed.set(pack, blobs);
    this.#unindexedBlobs += blobs.length;
    const isDue = this.#unindexedBlobs >= blobsPerIndex || Date.now() - this.#indexedAtMs > indexFlushMs;
    if (isDue) await this.#flushIndex();
  }

  /** One after the other: who flushes is told only when all packs stored so far are indexed, by whomever. */
  async #flushIndex(): Promise<void> {
    const packs = this.#unindexed;
    this.#unindexed = new Map();
    this.#unindexedBlobs = 0;
    this.#indexedAtMs = Date.now();
    if (packs.size > 0) {
      const save = () => saveIndex(this.#storage, this.#key, packs, this.#config.version);
      this.#indexing = this.#indexing.then(save);
    }
    await this.#indexing;
  }

  /** After one blob could not be stored, nothing that refers to it may be: every later call fails too. */
  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

interface OpenBatch {
  slot: Slot;
  blobs: PlacedBlob[];
  usedBytes: number;
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield content;
}
