import type { Emit } from '../../events.ts';
import { Chunker, chunkerTables, minChunkBytes, type ChunkerTables } from '../chunker.ts';
import { idOf } from '../crypto.ts';
import type { Polynomial } from '../polynomial.ts';
import type { BlobConsumer } from '../open-pool.ts';
import { readContent } from '../read-content.ts';
import type { BlobOrder, BlobOutcomes } from '../reader.ts';
import { isOfTheFile, type ReadBlob } from '../read-blobs.ts';
import type { Repository, RepositoryCopy } from '../repository.ts';
import type { SnapshotFilter } from '../snapshots.ts';
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
} from '../types.ts';
import type { Crew } from './crew.ts';
import { noneIsLeft, oneAtATime } from './errors.ts';
import { Fallback } from './fallback.ts';
import { withAllLocked } from './lock.ts';
import type { Member } from './member.ts';
import { findSnapshot, listSnapshots } from './snapshots.ts';

/**
 * Several repositories as one. What is saved is read, cut and hashed once and goes to all of them at the pace of the
 * slowest; what is read comes from the first that has it whole. One that fails is given up for the rest of the run and
 * named in `copies`; the others go on. Work on keys and the like is refused: it is done with one at a time.
 */
export class Copies implements Repository {
  readonly id: Id;
  readonly url: string;
  readonly version: 1 | 2;
  readonly polynomial: Polynomial;
  readonly #crew: Crew;
  readonly #fallback: Fallback;
  /** The names that snapshots which were listed have in each copy. */
  readonly #ids = new Map<Id, Map<string, Id>>();
  #tables: ChunkerTables | undefined;
  readonly #chunkers: Chunker[] = [];

  constructor(crew: Crew, first: Repository) {
    this.#crew = crew;
    this.#fallback = new Fallback(crew);
    this.id = first.id;
    this.url = crew.members.map(({ url }) => url).join(', ');
    this.version = first.version;
    this.polynomial = first.polynomial;
  }

  get copies(): readonly RepositoryCopy[] {
    return this.#crew.members;
  }

  withLock<T>(
    mode: 'shared' | 'exclusive',
    { signal }: { signal?: AbortSignal | undefined },
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const own = signal ?? new AbortController().signal;
    return withAllLocked(this.#crew, mode, signal, () => work(own));
  }

  async saveStream(content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<SavedContent> {
    this.#tables ??= chunkerTables(this.polynomial);
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

  /** Threads read for one repository: for several, the caller reads the file once and brings its bytes. */
  async saveFile(): Promise<{ saved: Promise<undefined> }> {
    return { saved: Promise.resolve(undefined) };
  }

  saveTree(json: Uint8Array): Promise<Id> {
    return this.saveBlob('tree', json);
  }

  /** Resolves when the slowest copy has taken it. */
  async saveBlob(type: BlobType, plaintext: Uint8Array, id: Id = idOf(plaintext)): Promise<Id> {
    await this.#crew.all((repository) => repository.saveBlob(type, plaintext, id));
    return id;
  }

  async loadIndex(): Promise<void> {
    await this.#crew.all((_repository, member) => member.loadIndex());
  }

  /** Only what all copies have need not be saved. */
  hasBlob(type: BlobType, id: Id): boolean {
    return this.#crew.living.every(({ repository }) => repository?.hasBlob(type, id) ?? false);
  }

  async flush(): Promise<void> {
    await this.#crew.all((repository) => repository.flush());
  }

  /** Of the copy that had to take most. */
  stats(): SaveStats {
    const all = this.#crew.members.flatMap(({ repository }) => repository?.stats() ?? []);
    return all.reduce((most, one) => (one.addedPackedBytes > most.addedPackedBytes ? one : most));
  }

  loadBlob(type: BlobType, id: Id): Promise<Buffer> {
    return this.#fallback.loadBlob(type, id);
  }

  blobSize(type: BlobType, id: Id): number | undefined {
    for (const { repository } of this.#crew.living) {
      const sizeBytes = repository?.blobSize(type, id);
      if (sizeBytes !== undefined) return sizeBytes;
    }
    return undefined;
  }

  loadBlobs(type: BlobType, ids: Iterable<Id>, signal?: AbortSignal): AsyncGenerator<ReadBlob, void, void> {
    return this.#fallback.loadBlobs(type, ids, signal);
  }

  consumeBlobs<Work, Result>(
    type: BlobType,
    orders: AsyncIterable<readonly BlobOrder<Work>[]>,
    consumer: BlobConsumer<Work, Result>,
    outcomes: BlobOutcomes<Work, Result>,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#fallback.consumeBlobs(type, orders, consumer, outcomes, signal);
  }

  async *readContent(content: readonly Id[], signal?: AbortSignal): AsyncGenerator<Buffer, void, void> {
    await this.#fallback.loadIndexes();
    yield* readContent(this, content, signal);
  }

  /**
   * The first copy that can gets it as it is, the others as `restic copy` would have made them: with the ID that it has
   * there as their `original`. Each tells its own parent and what was new to it. Gives the ID that all know it by.
   */
  async saveSnapshot(snapshot: Snapshot): Promise<Id> {
    const first = await this.#saveFirst(snapshot);
    const original = snapshot.original ?? first.id;
    await this.#crew.all(async (repository, member) => {
      if (member === first.member) return;
      member.savedSnapshot = await repository.saveSnapshot({ ...this.#forCopy(snapshot, member), original });
    });
    return original;
  }

  async #saveFirst(snapshot: Snapshot): Promise<{ member: Member; id: Id }> {
    for (const member of this.#crew.living) {
      try {
        const id = await member.run((repository) => repository.saveSnapshot(this.#forCopy(snapshot, member)));
        member.savedSnapshot = id;
        return { member, id };
      } catch (error) {
        this.#crew.giveUp(member, error);
      }
    }
    throw noneIsLeft(this.#crew.members);
  }

  #forCopy({ parent, summary, ...snapshot }: Snapshot, { url, repository }: Member): Snapshot {
    const ownParent = parent === undefined ? undefined : this.#ids.get(parent)?.get(url);
    const stats = repository?.stats();
    const own = stats && {
      data_blobs: stats.dataBlobs,
      tree_blobs: stats.treeBlobs,
      data_added: stats.addedBytes,
      data_added_packed: stats.addedPackedBytes,
    };
    return {
      ...snapshot,
      ...(ownParent === undefined ? {} : { parent: ownParent }),
      ...(summary === undefined ? {} : { summary: { ...summary, ...own } }),
    };
  }

  async snapshots(filter?: SnapshotFilter, emit?: Emit): Promise<StoredSnapshot[]> {
    const merged = await listSnapshots(this.#crew, filter, emit);
    for (const { snapshot } of merged)
      this.#ids.set(snapshot.id, new Map(snapshot.copies.map(({ url, id }) => [url, id])));
    return merged.map(({ snapshot }) => snapshot);
  }

  async snapshotDocument(id: Id): Promise<Snapshot> {
    let problem: unknown;
    for (const member of this.#crew.living) {
      const own = this.#ids.get(id)?.get(member.url) ?? id;
      try {
        return await member.run((repository) => repository.snapshotDocument(own));
      } catch (error) {
        problem ??= error;
        if (!isOfTheFile(error)) this.#crew.giveUp(member, error);
      }
    }
    throw problem ?? noneIsLeft(this.#crew.members);
  }

  findSnapshot(name: string, filter?: SnapshotFilter): Promise<StoredSnapshot> {
    return findSnapshot(this.#crew, name, filter);
  }

  close(): Promise<void> {
    return this.#crew.close();
  }

  check(): Promise<CheckResult> {
    return Promise.reject(oneAtATime());
  }

  repairIndex(): Promise<RepairIndexResult> {
    return Promise.reject(oneAtATime());
  }

  removeSnapshots(): Promise<void> {
    return Promise.reject(oneAtATime());
  }

  prune(): Promise<PruneResult> {
    return Promise.reject(oneAtATime());
  }

  listKeys(): Promise<KeyInfo[]> {
    return Promise.reject(oneAtATime());
  }

  addKey(): Promise<Id> {
    return Promise.reject(oneAtATime());
  }

  removeKey(): Promise<Id> {
    return Promise.reject(oneAtATime());
  }

  changePassword(): Promise<Id> {
    return Promise.reject(oneAtATime());
  }

  locks(): Promise<LockInfo[]> {
    return Promise.reject(oneAtATime());
  }

  unlock(): Promise<LockInfo[]> {
    return Promise.reject(oneAtATime());
  }
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield content;
}
