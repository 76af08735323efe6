import type { BlobPool } from './blob-pool.ts';
import { packFiles, roomFor, unpackDigests, type ExpectedFile, type PlacedBlob } from './blob-tasks.ts';
import { Limit } from './limit.ts';
import type { Arena, Slot } from './arena.ts';

/** Files that go to a thread together: enough to make the way there cheap, few enough for all threads to have some. */
const batchBytes = 1024 * 1024;
const batchFiles = 128;
/** Files taken on and not read yet; they hold a few words each. */
const maxWaiting = 1024;

interface WaitingFile extends ExpectedFile {
  read: (blob: PlacedBlob | undefined) => void;
  failed: (error: unknown) => void;
}

export interface SmallFilesTools {
  pool: BlobPool;
  memory: Arena;
  /** Takes the slot over, with what was read into it. */
  store: (slot: Slot, blobs: readonly PlacedBlob[]) => void;
}

/**
 * Reads small files in threads, many at a time, into the memory that they are then sealed in. A batch goes when it is
 * full, or when a thread would have nothing to do without it.
 */
export class SmallFiles {
  readonly #tools: SmallFilesTools;
  readonly #limit = new Limit(maxWaiting);
  #waiting: WaitingFile[] = [];
  #waitingBytes = 0;
  #batchesUnderWay = 0;
  #isPumpDue = false;

  constructor(tools: SmallFilesTools) {
    this.#tools = tools;
  }

  /** Resolves when the file was taken on; `blob` then tells what was read, or undefined if it is not as expected. */
  async add(file: ExpectedFile): Promise<{ blob: Promise<PlacedBlob | undefined> }> {
    await this.#limit.acquire(1);
    const blob = new Promise<PlacedBlob | undefined>((read, failed) => {
      this.#waiting.push({ ...file, read, failed });
    });
    this.#waitingBytes += roomFor(file.sizeBytes);
    if (this.#isFull()) this.#pump();
    else this.#pumpSoon();
    return { blob };
  }

  #isFull(): boolean {
    return this.#waiting.length >= batchFiles || this.#waitingBytes >= batchBytes;
  }

  /** After whoever brings files now has brought some more. */
  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    setImmediate(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    const { threadCount } = this.#tools.pool;
    while (this.#waiting.length > 0 && this.#batchesUnderWay < 2 * threadCount) {
      if (!this.#isFull() && this.#batchesUnderWay >= threadCount) return;
      const batch = this.#takeBatch();
      this.#batchesUnderWay += 1;
      void this.#read(batch).finally(() => {
        this.#batchesUnderWay -= 1;
        this.#pump();
      });
    }
  }

  #takeBatch(): WaitingFile[] {
    let bytes = 0;
    let count = 0;
    for (const file of this.#waiting) {
      bytes += roomFor(file.sizeBytes);
      if (count > 0 && bytes > batchBytes) break;
      count += 1;
      if (count === batchFiles) break;
    }
    const batch = this.#waiting.splice(0, count);
    this.#waitingBytes -= roomOf(batch);
    return batch;
  }

  async #read(batch: readonly WaitingFile[]): Promise<void> {
    const { pool, memory, store } = this.#tools;
    let slot: Slot | undefined;
    try {
      const room = roomOf(batch);
      slot = await memory.take(room);
      const digests = await pool.run<'read'>(slot.bytes, room, { task: 'read', ...packFiles(batch) });
      const blobs = unpackDigests(digests, batch);
      for (const [index, { read }] of batch.entries()) read(blobs[index]);
      store(
        slot,
        blobs.filter((blob) => blob !== undefined),
      );
    } catch (error) {
      slot?.release();
      for (const { failed } of batch) failed(error);
    } finally {
      this.#limit.release(batch.length);
    }
  }
}

const roomOf = (files: readonly ExpectedFile[]): number =>
  files.reduce((sum, { sizeBytes }) => sum + roomFor(sizeBytes), 0);
