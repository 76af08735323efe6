import type { Emit } from '../events.ts';
import type { Storage } from '../storage/storage.ts';
import type { BlobTable } from './blob-table.ts';
import type { ExpectedFile } from './blob-tasks.ts';
import { checkRepository } from './check.ts';
import type { Config } from './config.ts';
import { deriveSecret, type MasterKey } from './crypto.ts';
import { saveDocument } from './document.ts';
import { addIndexFiles, loadIndex, orSoundIndex } from './index-files.ts';
import { createKey, listKeyInfos, removeKey, replaceKey } from './key.ts';
import { listLocks, removeLocks, withLock, type AssertHeld } from './lock.ts';
import type { BlobConsumer } from './open-pool.ts';
import type { Polynomial } from './polynomial.ts';
import { prune } from './prune.ts';
import { removeFiles } from './remove-files.ts';
import type { CheckOptions, PruneOptions, Repository, RepositoryCopy, RepositoryKey } from './repository.ts';
import { readBlobs, type BlobSource, type ReadBlob } from './read-blobs.ts';
import { readContent } from './read-content.ts';
import { Reader, type BlobOrder, type BlobOutcomes } from './reader.ts';
import { repairIndex } from './repair-index.ts';
import { findSnapshot, listSnapshots, loadSnapshotDocument, type SnapshotFilter } from './snapshots.ts';
import type {
  BlobType,
  Id,
  KeyInfo,
  LockInfo,
  PruneResult,
  RepairIndexResult,
  SavedContent,
  SaveStats,
  Snapshot,
  StoredSnapshot,
} from './types.ts';
import { Writer, type WriterOptions } from './writer.ts';

/** The parts put together; its contract stands in repository.ts. The index is loaded when a blob is first asked for. */
export class Engine implements Repository, RepositoryCopy {
  readonly id: Id;
  readonly url: string;
  readonly version: 1 | 2;
  readonly polynomial: Polynomial;
  readonly failure = undefined;
  savedSnapshot: Id | undefined;
  readonly #storage: Storage;
  readonly #key: MasterKey;
  readonly #config: Config;
  readonly #options: WriterOptions;
  #keyId: Id;
  #table: Promise<BlobTable> | undefined;
  #loadedTable: BlobTable | undefined;
  readonly #indexFiles = new Set<Id>();
  #reader: Reader | undefined;
  #writer: Promise<Writer> | undefined;
  #startedWriter: Writer | undefined;
  readonly #held = new Set<AssertHeld>();

  constructor(storage: Storage, master: MasterKey, config: Config, keyId: Id, options: WriterOptions) {
    this.#options = options;
    this.id = config.id;
    this.url = storage.url;
    this.version = config.version;
    this.polynomial = config.polynomial;
    this.#storage = storage;
    this.#key = master;
    this.#config = config;
    this.#keyId = keyId;
  }

  get key(): RepositoryKey {
    return { id: this.id, deriveSecret: (purpose) => this.deriveSecret(purpose) };
  }

  get copies(): readonly RepositoryCopy[] {
    return [this];
  }

  withLock<T>(
    mode: 'shared' | 'exclusive',
    { signal, isToRead = false, startsAtOnce = false }: Parameters<Repository['withLock']>[1],
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const lockedWork = async (signal: AbortSignal, assertHeld: AssertHeld) => {
      this.#held.add(assertHeld);
      try {
        return await work(signal);
      } finally {
        this.#held.delete(assertHeld);
      }
    };
    // Whoever needs the index next hears of what is wrong with it.
    const whileSettling = () =>
      void (isToRead ? this.#read().then((reader) => reader.prepare()) : this.#index()).catch(() => {});
    return withLock(this.#place(), mode, { signal, whileSettling, startsAtOnce }, lockedWork);
  }

  async saveStream(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SavedContent> {
    return (await this.#write()).saveStream(content, signal);
  }

  async saveBytes(content: Uint8Array): Promise<SavedContent> {
    return (await this.#write()).saveBytes(content);
  }

  async saveFile(file: ExpectedFile): Promise<{ saved: Promise<SavedContent | undefined> }> {
    return (await this.#write()).saveFile(file);
  }

  saveTree(json: Uint8Array): Promise<Id> {
    return this.saveBlob('tree', json);
  }

  async saveBlob(type: BlobType, plaintext: Uint8Array, id?: Id): Promise<Id> {
    return (await this.#write()).saveBlob(type, plaintext, id);
  }

  async loadIndex(): Promise<void> {
    const isThere = this.#table !== undefined;
    const table = await this.#index();
    if (isThere)
      await addIndexFiles({ storage: this.#storage, key: this.#key, table, loaded: this.#indexFiles });
  }

  hasBlob(type: BlobType, id: Id): boolean {
    return (
      (this.#startedWriter?.isOnTheWay(type, id) ?? false) || (this.#loadedTable?.has(type, id) ?? false)
    );
  }

  async flush(): Promise<void> {
    await this.#startedWriter?.flush();
  }

  stats(): SaveStats {
    return this.#startedWriter?.stats ?? { dataBlobs: 0, treeBlobs: 0, addedBytes: 0, addedPackedBytes: 0 };
  }

  async loadBlob(type: BlobType, id: Id): Promise<Buffer> {
    return (await this.#read()).loadBlob(type, id);
  }

  async *loadBlobs(
    type: BlobType,
    ids: Iterable<Id>,
    signal?: AbortSignal,
  ): AsyncGenerator<ReadBlob, void, void> {
    yield* readBlobs(await this.#blobSource(), type, ids, signal);
  }

  blobSize(type: BlobType, id: Id): number | undefined {
    return this.#loadedTable?.plainSize(type, id);
  }

  async consumeBlobs<Work, Result>(
    type: BlobType,
    orders: AsyncIterable<readonly BlobOrder<Work>[]>,
    consumer: BlobConsumer<Work, Result>,
    outcomes: BlobOutcomes<Work, Result>,
    signal?: AbortSignal,
  ): Promise<void> {
    return (await this.#read()).consumeBlobs(type, orders, consumer, outcomes, signal);
  }

  async *readContent(content: readonly Id[], signal?: AbortSignal): AsyncGenerator<Buffer, void, void> {
    yield* readContent(await this.#read(), content, signal);
  }

  async saveSnapshot(snapshot: Snapshot): Promise<Id> {
    // Whoever took the lock away may have pruned what this snapshot refers to.
    await this.#assertHeld();
    this.savedSnapshot = await saveDocument(this.#storage, this.#key, 'snapshot', snapshot, this.version);
    return this.savedSnapshot;
  }

  snapshotDocument(id: Id): Promise<Snapshot> {
    return loadSnapshotDocument({ storage: this.#storage, key: this.#key }, { name: id });
  }

  snapshots(filter?: SnapshotFilter, emit?: Emit): Promise<StoredSnapshot[]> {
    return listSnapshots({ storage: this.#storage, key: this.#key }, filter, emit);
  }

  findSnapshot(name: string, filter?: SnapshotFilter): Promise<StoredSnapshot> {
    return findSnapshot({ storage: this.#storage, key: this.#key }, name, filter);
  }

  async check(options: CheckOptions) {
    const errors: string[] = [];
    const snapshots = await this.snapshots({}, (event) => {
      if (event.type === 'warning') errors.push(event.message);
    });
    return checkRepository(
      {
        storage: this.#storage,
        table: await this.#indexForCheck(errors),
        snapshots,
        errors,
        reader: await this.#read(),
      },
      options,
    );
  }

  async repairIndex(options?: { emit?: Emit; signal?: AbortSignal | undefined }): Promise<RepairIndexResult> {
    const result = await repairIndex(this.#place(), options);
    await this.#forgetIndex();
    return result;
  }

  removeSnapshots(ids: readonly Id[], { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    return removeFiles(this.#storage, 'snapshot', ids, { signal, phase: 'forget' });
  }

  async prune(options: PruneOptions): Promise<PruneResult> {
    await this.loadIndex();
    const assertHeld = () => this.#assertHeld();
    try {
      return await prune({ ...this.#place(), ...(await this.#blobSource()), assertHeld }, options);
    } finally {
      await this.#forgetIndex();
    }
  }

  listKeys(): Promise<KeyInfo[]> {
    return listKeyInfos(this.#storage, this.#keyId);
  }

  addKey(password: string): Promise<Id> {
    return createKey(this.#storage, this.#key, password);
  }

  removeKey(idPrefix: string): Promise<Id> {
    return removeKey(this.#storage, idPrefix, this.#keyId);
  }

  async changePassword(password: string): Promise<Id> {
    this.#keyId = await replaceKey(this.#storage, this.#key, this.#keyId, password);
    return this.#keyId;
  }

  locks(): Promise<LockInfo[]> {
    return listLocks(this.#place());
  }

  unlock({ all }: { all: boolean }): Promise<LockInfo[]> {
    return removeLocks(this.#place(), all);
  }

  deriveSecret(purpose: string): string {
    return deriveSecret(this.#key, this.id, purpose);
  }

  async close(): Promise<void> {
    await this.#startedWriter?.close();
    await this.#reader?.close();
    await this.#storage.close();
  }

  async #assertHeld(): Promise<void> {
    for (const assertHeld of this.#held) await assertHeld();
  }

  /** It is loaded again when it is needed, and nothing is saved by what it said. */
  async #forgetIndex(): Promise<void> {
    await this.#startedWriter?.close();
    this.#writer = undefined;
    this.#startedWriter = undefined;
    this.#table = undefined;
    this.#loadedTable = undefined;
    this.#indexFiles.clear();
  }

  async #blobSource(): Promise<BlobSource> {
    const reader = await this.#read();
    const loadBlob = (...blob: Parameters<Reader['loadBlob']>) => reader.loadBlob(...blob);
    return { storage: this.#storage, table: reader.table, sealer: reader.pool.sealer(), loadBlob };
  }

  #place() {
    return { storage: this.#storage, key: this.#key, version: this.version };
  }

  #index(): Promise<BlobTable> {
    this.#table ??= loadIndex(this.#storage, this.#key, this.#indexFiles).then(
      (table) => (this.#loadedTable = table),
    );
    return this.#table;
  }

  /** What can be read of the index, for all that `check` does from here on; the rest goes to `errors`. */
  async #indexForCheck(errors: string[]): Promise<BlobTable> {
    this.#table = orSoundIndex(this.#index(), this.#storage, this.#key, errors);
    return this.#table;
  }

  /** By the index as it is now: it may have been made anew. */
  async #read(): Promise<Reader> {
    const table = await this.#index();
    const before = this.#reader;
    if (before?.table === table) return before;
    const reader = new Reader(this.#storage, this.#key, table);
    this.#reader = reader;
    await before?.close();
    return reader;
  }

  #write(): Promise<Writer> {
    this.#writer ??= this.#index().then(
      (table) =>
        (this.#startedWriter = new Writer(this.#storage, this.#key, this.#config, table, this.#options)),
    );
    return this.#writer;
  }
}
