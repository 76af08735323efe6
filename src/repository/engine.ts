import { hkdfSync } from 'node:crypto';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Storage } from '../storage/storage.ts';
import type { BlobTable } from './blob-table.ts';
import { checkRepository } from './check.ts';
import type { Config } from './config.ts';
import { idOf, type MasterKey } from './crypto.ts';
import { damaged, isDamage, saveDocument } from './document.ts';
import { addIndexFiles, loadIndex, loadSoundIndex } from './index-files.ts';
import { createKey, listKeyInfos } from './key.ts';
import { listLocks, removeLocks, withLock, type AssertHeld } from './lock.ts';
import type { Polynomial } from './polynomial.ts';
import type { CheckOptions, Repository, RepositoryCopy, RepositoryKey } from './repository.ts';
import { readBlobs, type ReadBlob } from './read-blobs.ts';
import { repairIndex } from './repair-index.ts';
import { loadPrimitives } from './primitives.ts';
import { Sealer } from './seal-blob.ts';
import { findSnapshot, listSnapshots, loadSnapshotDocument, type SnapshotFilter } from './snapshots.ts';
import type {
  BlobType,
  Id,
  KeyInfo,
  LockInfo,
  RepairIndexResult,
  SavedContent,
  SaveStats,
  Snapshot,
  StoredSnapshot,
} from './types.ts';
import { Writer } from './writer.ts';

/** Blobs fetched before they are asked for when a file is read. */
const readAhead = 4;

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
  #keyId: Id;
  #table: Promise<BlobTable> | undefined;
  #loadedTable: BlobTable | undefined;
  readonly #indexFiles = new Set<Id>();
  #sealer: Sealer | undefined;
  #writer: Promise<Writer> | undefined;
  #startedWriter: Writer | undefined;
  readonly #held = new Set<AssertHeld>();

  constructor(storage: Storage, master: MasterKey, config: Config, keyId: Id) {
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
    { signal }: { signal?: AbortSignal | undefined },
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
    const loadIndexAhead = () => void this.#index().catch(() => {});
    return withLock(this.#place(), mode, signal, lockedWork, loadIndexAhead);
  }

  async saveStream(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SavedContent> {
    return (await this.#write()).saveStream(content, signal);
  }

  async saveBytes(content: Uint8Array): Promise<SavedContent> {
    return (await this.#write()).saveBytes(content);
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
    let problem: unknown;
    for (const place of (await this.#index()).locations(type, id)) {
      try {
        const sealed = await this.#storage.load({ type: 'pack', name: place.pack }, place);
        const plaintext = this.#opener().open(sealed, place.uncompressedLength);
        // The sealer's memory is used for the next blob.
        if (plaintext !== undefined && idOf(plaintext) === id) return Buffer.from(plaintext);
        problem = damaged(`blob ${id.slice(0, 8)} in pack ${place.pack.slice(0, 8)}`);
      } catch (error) {
        problem = error;
      }
    }
    throw problem ?? damaged(`blob ${id.slice(0, 8)}, which no index knows,`);
  }

  async *loadBlobs(
    type: BlobType,
    ids: Iterable<Id>,
    signal?: AbortSignal,
  ): AsyncGenerator<ReadBlob, void, void> {
    const source = { storage: this.#storage, table: await this.#index(), sealer: this.#opener() };
    yield* readBlobs({ ...source, loadBlob: (...blob) => this.loadBlob(...blob) }, type, ids, signal);
  }

  blobSize(type: BlobType, id: Id): number | undefined {
    return this.#loadedTable?.plainSize(type, id);
  }

  async *readContent(content: readonly Id[], signal?: AbortSignal): AsyncGenerator<Buffer, void, void> {
    const ahead: Promise<Buffer>[] = [];
    for (let at = 0; at < content.length; at += 1) {
      signal?.throwIfAborted();
      for (let next = at + ahead.length; next < Math.min(content.length, at + readAhead); next += 1) {
        const blob = this.loadBlob('data', content[next] ?? '');
        blob.catch(() => {});
        ahead.push(blob);
      }
      const blob = ahead.shift();
      if (blob) yield await blob;
    }
  }

  async saveSnapshot(snapshot: Snapshot): Promise<Id> {
    // Whoever took the lock away may have pruned what this snapshot refers to.
    for (const assertHeld of this.#held) await assertHeld();
    this.savedSnapshot = await saveDocument(this.#storage, this.#key, 'snapshot', snapshot, this.version);
    return this.savedSnapshot;
  }

  snapshotDocument(id: Id): Promise<Snapshot> {
    return loadSnapshotDocument({ storage: this.#storage, key: this.#key }, id);
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
        key: this.#key,
        table: await this.#indexForCheck(errors),
        snapshots,
        errors,
        loadBlob: (type, id) => this.loadBlob(type, id),
      },
      options,
    );
  }

  async repairIndex(options?: { emit?: Emit; signal?: AbortSignal | undefined }): Promise<RepairIndexResult> {
    const result = await repairIndex(this.#place(), options);
    this.#table = undefined;
    this.#indexFiles.clear();
    return result;
  }

  listKeys(): Promise<KeyInfo[]> {
    return listKeyInfos(this.#storage, this.#keyId);
  }

  addKey(password: string): Promise<Id> {
    return createKey(this.#storage, this.#key, password);
  }

  async removeKey(idPrefix: string): Promise<Id> {
    const found = (await this.#storage.list('key'))
      .map((file) => file.name)
      .filter((name) => name.startsWith(idPrefix));
    const [id, ...others] = found;
    if (id === undefined || others.length > 0) {
      throw new RelocateError(
        'usage',
        `${found.length === 0 ? 'No key begins' : 'Several keys begin'} with “${idPrefix}”.`,
        {
          hint: 'See which there are with: relocate key list',
        },
      );
    }
    if (id === this.#keyId) {
      throw new RelocateError(
        'usage',
        'That is the key in use; removing it could lock you out. Nothing was changed.',
        {
          hint: 'Change its password with: relocate key passwd',
        },
      );
    }
    await this.#storage.remove({ type: 'key', name: id });
    return id;
  }

  async changePassword(password: string): Promise<Id> {
    const added = await this.addKey(password);
    await this.#storage.remove({ type: 'key', name: this.#keyId });
    this.#keyId = added;
    return added;
  }

  locks(): Promise<LockInfo[]> {
    return listLocks(this.#place());
  }

  unlock({ all }: { all: boolean }): Promise<LockInfo[]> {
    return removeLocks(this.#place(), all);
  }

  deriveSecret(purpose: string): string {
    const { encrypt, macK, macR } = this.#key;
    return Buffer.from(
      hkdfSync('sha256', Buffer.concat([encrypt, macK, macR]), this.id, purpose, 32),
    ).toString('hex');
  }

  async close(): Promise<void> {
    await this.#startedWriter?.close();
    await this.#storage.close();
  }

  #opener(): Sealer {
    this.#sealer ??= new Sealer(this.#key, loadPrimitives());
    return this.#sealer;
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
    this.#table = this.#index().catch((error: unknown) => {
      if (!isDamage(error)) throw error;
      return loadSoundIndex(this.#storage, this.#key, ({ message }) => {
        errors.push(`${message} Make the index again with: relocate repair index`);
      });
    });
    return this.#table;
  }

  #write(): Promise<Writer> {
    this.#writer ??= this.#index().then(
      (table) => (this.#startedWriter = new Writer(this.#storage, this.#key, this.#config, table)),
    );
    return this.#writer;
  }
}
