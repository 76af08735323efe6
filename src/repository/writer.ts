import type { Storage } from '../storage/storage.ts';
import type { BlobTable } from './blob-table.ts';
import { Chunker, chunkerTables, minChunkBytes } from './chunker.ts';
import type { Config } from './config.ts';
import { idOf, type MasterKey } from './crypto.ts';
import { blobsPerIndex, saveIndex } from './index-files.ts';
import { Limit } from './limit.ts';
import type { PackedBlob } from './pack.ts';
import { Packer } from './packer.ts';
import { SealPool } from './seal-pool.ts';
import type { BlobType, Id, SavedContent, SaveStats } from './types.ts';

/** Plaintext bytes on their way through the threads at any time: what bounds memory, whatever comes in. */
const inFlightBytes = 48 * 1024 * 1024;
const indexFlushMs = 10 * 60_000;

/** The writing side of a repository: cuts, deduplicates, seals, packs, indexes. */
export class Writer {
  readonly #storage: Storage;
  readonly #key: MasterKey;
  readonly #config: Config;
  readonly #table: BlobTable;
  readonly #pool: SealPool;
  readonly #packers: Record<BlobType, Packer>;
  readonly #limit = new Limit(inFlightBytes);
  /** Blobs that are on their way and not in the table yet: saved once however often they come. */
  readonly #onTheWay: Record<BlobType, Set<Id>> = { data: new Set(), tree: new Set() };
  #tables: ReturnType<typeof chunkerTables> | undefined;
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
    const packer = (type: BlobType) =>
      new Packer(storage, key, type, (pack, blobs) => this.#packStored(pack, blobs));
    this.#packers = { data: packer('data'), tree: packer('tree') };
  }

  async saveStream(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SavedContent> {
    this.#tables ??= chunkerTables(this.#config.polynomial);
    const chunker = new Chunker(this.#tables);
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
    return saved;
  }

  async saveBytes(content: Uint8Array): Promise<SavedContent> {
    if (content.length === 0) return { content: [], sizeBytes: 0 };
    if (content.length >= minChunkBytes) return this.saveStream(once(content));
    return { content: [await this.saveBlob('data', content)], sizeBytes: content.length };
  }

  /** Resolves when the blob is accepted; `flush` tells when it is stored. The bytes may be taken over. */
  async saveBlob(type: BlobType, plaintext: Uint8Array): Promise<Id> {
    this.#throwFailure();
    const id = idOf(plaintext);
    const onTheWay = this.#onTheWay[type];
    if (onTheWay.has(id) || this.#table.has(type, id)) return id;
    onTheWay.add(id);
    const sizeBytes = plaintext.length;
    await this.#limit.acquire(sizeBytes);
    const work = this.#sealAndPack(type, id, plaintext)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#limit.release(sizeBytes);
        this.#running.delete(work);
      });
    this.#running.add(work);
    this.#throwFailure();
    return id;
  }

  isOnTheWay(type: BlobType, id: Id): boolean {
    return this.#onTheWay[type].has(id);
  }

  async flush(): Promise<void> {
    await Promise.all(this.#running);
    this.#throwFailure();
    await Promise.all([this.#packers.data.flush(), this.#packers.tree.flush()]);
    await this.#flushIndex();
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #sealAndPack(type: BlobType, id: Id, plaintext: Uint8Array): Promise<void> {
    const sizeBytes = plaintext.length;
    const blob = await this.#pool.seal(
      id,
      Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength),
      this.#config.version > 1,
    );
    this.stats[type === 'data' ? 'dataBlobs' : 'treeBlobs'] += 1;
    this.stats.addedBytes += sizeBytes;
    this.stats.addedPackedBytes += blob.sealed.length;
    await this.#packers[type].add(id, blob);
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

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield content;
}
