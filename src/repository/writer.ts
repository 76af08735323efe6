import { crc32 } from 'node:zlib';
import type { Storage } from '../storage/storage.ts';
import type { BlobTable } from './blob-table.ts';
import { Chunker, chunkerTables, minChunkBytes } from './chunker.ts';
import type { Config } from './config.ts';
import { idOf, type MasterKey } from './crypto.ts';
import { blobsPerIndex, saveIndex } from './index-files.ts';
import type { PackedBlob } from './pack.ts';
import { Packer } from './packer.ts';
import { place, roomFor, type Batch } from './seal-batch.ts';
import { SealPool } from './seal-pool.ts';
import { Slots, type Slot } from './slots.ts';
import type { BlobType, Id, SavedContent, SaveStats } from './types.ts';

/** Memory for blobs on their way through the threads at any time: what bounds it all, whatever comes in. */
const inFlightBytes = 48 * 1024 * 1024;
/** Blobs smaller than this go to the threads together with others. */
const smallBytes = minChunkBytes;
const batchBytes = 1024 * 1024;
const batchBlobs = 256;
const indexFlushMs = 10 * 60_000;

/** The writing side of a repository: cuts, deduplicates, seals, packs, indexes. */
export class Writer {
  readonly #storage: Storage;
  readonly #key: MasterKey;
  readonly #config: Config;
  readonly #table: BlobTable;
  readonly #pool: SealPool;
  readonly #packers: Record<BlobType, Packer>;
  readonly #slots = new Slots(inFlightBytes);
  /** Small blobs that wait for others to go with. */
  readonly #batches: Record<BlobType, OpenBatch | undefined> = { data: undefined, tree: undefined };
  readonly #opening: Record<BlobType, Promise<void> | undefined> = { data: undefined, tree: undefined };
  /** Blobs that are on their way and not in the table yet: saved once however often they come. */
  readonly #onTheWay: Record<BlobType, Set<Id>> = { data: new Set(), tree: new Set() };
  #tables: ReturnType<typeof chunkerTables> | undefined;
  readonly #chunkers: Chunker[] = [];
  #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;
  #unindexed = new Map<Id, readonly PackedBlob[]>();
  #unindexedBlobs = 0;
  #indexedAtMs = Date.now();
  #indexing: Promise<unknown> = Promise.resolve();
  readonly stats: SaveStats = { dataBlobs: 0, treeBlobs: 0, addedBytes: 0, addedPackedBytes: 0 };

  constructor(storage: Storage, key: MasterKey, config: Config, table: BlobTable) {
    this.#storage = storage;
    this.#key = key;
    this.#config = config;
    this.#table = table;
    this.#pool = new SealPool(key);
    const tools = {
      storage,
      key,
      digest: (bytes: Buffer) => this.#pool.digest(bytes),
      stored: (pack: Id, blobs: readonly PackedBlob[]) => this.#packStored(pack, blobs),
    };
    this.#packers = { data: new Packer('data', tools), tree: new Packer('tree', tools) };
  }

  async saveStream(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SavedContent> {
    this.#tables ??= chunkerTables(this.#config.polynomial);
    // One that fails on its way is not used again: what it holds is of a stream that has no end.
    const chunker = this.#chunkers.pop() ?? new Chunker(this.#tables);
    const saved: SavedContent = { content: [], sizeBytes: 0 };
    const save = async (chunk: Buffer) => {
      saved.sizeBytes += chunk.length;
      saved.content.push(await this.saveBlob('data', chunk));
    };
    for await (const bytes of content) {
      signal?.throwIfAborted();
      for (const chunk of chunker.push(bytes)) await save(chunk);
    }
    const last = chunker.finish();
    if (last) await save(last);
    this.#chunkers.push(chunker);
    return saved;
  }

  async saveBytes(content: Uint8Array): Promise<SavedContent> {
    if (content.length === 0) return { content: [], sizeBytes: 0 };
    if (content.length >= minChunkBytes) return this.saveStream(once(content));
    return { content: [await this.saveBlob('data', content)], sizeBytes: content.length };
  }

  /** Resolves when the blob was copied; `flush` tells when it is stored. */
  async saveBlob(type: BlobType, plaintext: Uint8Array, id: Id = idOf(plaintext)): Promise<Id> {
    this.#throwFailure();
    const crc = crc32(plaintext);
    const onTheWay = this.#onTheWay[type];
    if (onTheWay.has(id) || this.#table.has(type, id)) return id;
    onTheWay.add(id);
    if (plaintext.length < smallBytes) await this.#addToBatch(type, { id, crc, plaintext });
    else
      this.#send(
        type,
        put(newBatch(await this.#slots.take(roomFor(plaintext.length))), { id, crc, plaintext }),
      );
    this.#throwFailure();
    return id;
  }

  isOnTheWay(type: BlobType, id: Id): boolean {
    return this.#onTheWay[type].has(id);
  }

  async flush(): Promise<void> {
    this.#sendOpen('data');
    this.#sendOpen('tree');
    await Promise.all(this.#running);
    this.#throwFailure();
    await Promise.all([this.#packers.data.flush(), this.#packers.tree.flush()]);
    await this.#flushIndex();
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Waits where all memory is in use. */
  async #addToBatch(type: BlobType, blob: NewBlob): Promise<void> {
    const room = roomFor(blob.plaintext.length);
    for (;;) {
      const batch = this.#batches[type];
      if (batch && batch.usedBytes + room <= batch.slot.bytes.length && batch.blobs.length < batchBlobs) {
        put(batch, blob);
        return;
      }
      this.#sendOpen(type);
      // Of all who wait for the next batch, the first ones may fill it.
      this.#opening[type] ??= this.#open(type);
      await this.#opening[type];
    }
  }

  async #open(type: BlobType): Promise<void> {
    this.#batches[type] = newBatch(await this.#slots.take(batchBytes));
    this.#opening[type] = undefined;
  }

  #sendOpen(type: BlobType): void {
    const batch = this.#batches[type];
    if (batch === undefined) return;
    this.#batches[type] = undefined;
    this.#send(type, batch);
  }

  #send(type: BlobType, batch: OpenBatch): void {
    const work = this.#sealAndPack(type, batch)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        batch.slot.release();
        this.#running.delete(work);
      });
    this.#running.add(work);
  }

  async #sealAndPack(type: BlobType, { slot, blobs }: OpenBatch): Promise<void> {
    const sealed = await this.#pool.seal({ bytes: slot.bytes, blobs, mayCompress: this.#config.version > 1 });
    for (const [index, { length, uncompressedLength }] of sealed.entries()) {
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

interface NewBlob {
  id: Id;
  /** Of the plaintext, made along with the ID. */
  crc: number;
  plaintext: Uint8Array;
}

interface OpenBatch {
  slot: Slot;
  blobs: Batch['blobs'];
  usedBytes: number;
}

const newBatch = (slot: Slot): OpenBatch => ({ slot, blobs: [], usedBytes: 0 });

function put(batch: OpenBatch, { id, crc, plaintext }: NewBlob): OpenBatch {
  place(batch.slot.bytes, batch.usedBytes, plaintext);
  batch.blobs.push({ id, at: batch.usedBytes, length: plaintext.length, crc });
  batch.usedBytes += roomFor(plaintext.length);
  return batch;
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield content;
}
