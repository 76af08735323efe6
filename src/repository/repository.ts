import type { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { ExpectedFile } from './blob-tasks.ts';
import type { BlobConsumer } from './open-pool.ts';
import type { Polynomial } from './polynomial.ts';
import type { ReadBlob } from './read-blobs.ts';
import type { BlobOrder, BlobOutcomes } from './reader.ts';
import type { SnapshotFilter } from './snapshots.ts';
import type {
  BlobType,
  CheckResult,
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

/**
 * An opened repository: the password was right, the master key is in memory. All reads are verified: a blob or file
 * whose bytes do not have the digest it is named by is `repository-damaged`, never returned.
 * Any number of calls may be under way at once; memory stays bounded by back-pressure inside `save*`.
 */
export interface WorkLockOptions {
  signal?: AbortSignal | undefined;
  isToRead?: boolean;
  /**
   * Does not wait until it is sure that nobody took an exclusive lock at the same moment. For work that reads, or saves
   * what nothing refers to before `saveSnapshot`, which waits for it. Shared locks only.
   */
  startsAtOnce?: boolean;
}

export interface Repository {
  readonly id: Id;
  readonly url: string;
  readonly version: 1 | 2;
  /** By which files are cut. Repositories that share it share their blobs' IDs. */
  readonly polynomial: Polynomial;
  /** The repositories that stand behind this one, in the order of preference; one alone is its own only copy. */
  readonly copies: readonly RepositoryCopy[];

  /**
   * Runs `work` under a lock that is refreshed while it runs. The signal aborts when the lock could not be refreshed
   * in time or when the caller's signal does: `work` must then write nothing more. While the lock is waited for, the
   * index is loaded, and where `isToRead` says that much will be read, threads are started. Throws `repository-locked`.
   */
  withLock<T>(
    mode: 'shared' | 'exclusive',
    options: WorkLockOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;

  /** Cuts, deduplicates, verifies and stores a stream of any length. */
  saveStream(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SavedContent>;
  /** The same for content that is in memory already, cheap for the many small files. The buffer may not be changed until done. */
  saveBytes(content: Uint8Array): Promise<SavedContent>;
  /**
   * The same for a file of less than 512 KiB, which a thread reads: by far the quickest way for many. Resolves when the
   * file was taken on; `saved` is undefined where it could not be read, or is not (any more) what `state` says.
   */
  saveFile(file: ExpectedFile): Promise<{ saved: Promise<SavedContent | undefined> }>;
  /** Stores one tree blob (its JSON as in restic, newline at the end). */
  saveTree(json: Uint8Array): Promise<Id>;
  /**
   * Stores one blob as it is; the plaintext may be changed once this resolves, and `flush` tells when it is stored.
   * `id` where the caller knows it already.
   */
  saveBlob(type: BlobType, plaintext: Uint8Array, id?: Id): Promise<Id>;
  /** Loads index files that are not known yet; until it resolves, `hasBlob` and `blobSize` may not know of blobs that are there. */
  loadIndex(): Promise<void>;
  hasBlob(type: BlobType, id: Id): boolean;
  /** Writes all open packs and the index. Only after this may a snapshot that refers to the blobs be saved. */
  flush(): Promise<void>;
  /** Counts since the repository was opened. */
  stats(): SaveStats;

  loadBlob(type: BlobType, id: Id): Promise<Buffer>;
  /** Blob's plaintext length in bytes, from the index; undefined where the index knows no such blob. */
  blobSize(type: BlobType, id: Id): number | undefined;
  /**
   * The quick way for much: blobs are loaded by packs, each once however often it is ordered, several packs at once,
   * opened and verified in threads, and handed to the consumer there, in no order. Resolves when all orders are done or
   * failed; throws what `orders` or an outcome throws, and the signal's reason, when nothing is under way any more.
   */
  consumeBlobs<Work, Result>(
    type: BlobType,
    orders: AsyncIterable<readonly BlobOrder<Work>[]>,
    consumer: BlobConsumer<Work, Result>,
    outcomes: BlobOutcomes<Work, Result>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** The content in order, read ahead and opened in threads. */
  readContent(content: readonly Id[], signal?: AbortSignal): AsyncGenerator<Buffer, void, void>;

  /**
   * Many blobs of one type, read pack by pack in the order they lie in. One of which no copy can be read is given with
   * its error instead of its bytes, for the others may be whole.
   */
  loadBlobs(type: BlobType, ids: Iterable<Id>, signal?: AbortSignal): AsyncGenerator<ReadBlob, void, void>;

  saveSnapshot(snapshot: Snapshot): Promise<Id>;
  /** The snapshot's document as it stands there, also with fields that this program does not know. */
  snapshotDocument(id: Id): Promise<Snapshot>;
  /** Oldest first; `tags` must all be there. Snapshot files that cannot be read are left out and said with `emit`. */
  snapshots(filter?: SnapshotFilter, emit?: Emit): Promise<StoredSnapshot[]>;
  /** `latest`, or an unambiguous prefix of an ID. Throws `snapshot-missing`. */
  findSnapshot(name: string, filter?: SnapshotFilter): Promise<StoredSnapshot>;

  check(options: CheckOptions): Promise<CheckResult>;

  /** Makes the index again from the packs. Only under an exclusive lock. */
  repairIndex(options?: { emit?: Emit; signal?: AbortSignal | undefined }): Promise<RepairIndexResult>;

  /** Deletes these snapshots, nothing of their data. Only under an exclusive lock. */
  removeSnapshots(ids: readonly Id[], options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /** Deletes data that no snapshot needs. Only under an exclusive lock. */
  prune(options: PruneOptions): Promise<PruneResult>;

  listKeys(): Promise<KeyInfo[]>;
  addKey(password: string): Promise<Id>;
  removeKey(idPrefix: string): Promise<Id>;
  /** Adds a key for the new password, then removes the one this repository was opened with. */
  changePassword(password: string): Promise<Id>;

  locks(): Promise<LockInfo[]>;
  /** Removes stale locks, or all; returns those removed. */
  unlock(options: { all: boolean }): Promise<LockInfo[]>;

  close(): Promise<void>;
}

export interface RepositoryCopy {
  readonly url: string;
  /** Undefined where it could not be opened. */
  readonly key: RepositoryKey | undefined;
  /** Why it takes no part, or none any more. */
  readonly failure: RelocateError | undefined;
  /** Under which ID the snapshot that was saved last lies there; undefined where none does. */
  readonly savedSnapshot: Id | undefined;
}

export interface RepositoryKey {
  /** The repository's ID. */
  readonly id: Id;
  /**
   * A 256-bit secret in hex that is the same for everyone who can open this repository, whatever their password, and
   * tells nothing of the master key (HKDF-SHA256 with `purpose` as its info). Other copies have others.
   */
  deriveSecret(purpose: string): string;
}

export interface CheckOptions {
  /** Percentage of packs to read whole and verify, 0 to 100. */
  readDataPercent: number;
  emit?: Emit;
  signal?: AbortSignal | undefined;
}

export interface PruneOptions {
  /** Unused bytes that may stay, given the bytes in use: to repack for a few of them is not worth it. */
  maxUnusedBytes: (usedBytes: number) => number;
  /** Bytes of packs to repack, at most. */
  maxRepackBytes: number;
  /** Only plans it. */
  dryRun?: boolean;
  /** Snapshots to be counted as gone, to see what forgetting them would free. */
  without?: ReadonlySet<Id>;
  emit?: Emit;
  signal?: AbortSignal | undefined;
}
