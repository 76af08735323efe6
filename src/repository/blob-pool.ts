import { perform, type Answer, type Ask, type TaskName } from './blob-tasks.ts';
import type { BlobTask, BlobWorkerData } from './blob-worker.ts';
import type { Compression } from './compression.ts';
import type { MasterKey } from './crypto.ts';
import { loadPrimitives } from './primitives.ts';
import { Sealer } from './seal-blob.ts';
import { share } from './shared-bytes.ts';
import { programBeside, Threads } from './threads.ts';

/** What is done before threads are started: they take longer to come up than a snapshot of little news does. */
const withoutThreadsBytes = 1024 * 1024;

/** Threads that read, digest, compress and seal. Started when there is enough to do, ended by `close`. */
export class BlobPool {
  readonly #key: MasterKey;
  readonly #compression: Compression;
  readonly #given: SharedArrayBuffer;
  readonly #threads: Threads<BlobTask, Answer<TaskName>>;
  #here: Sealer | undefined;
  #doneHereBytes = 0;

  /** `given`: the memory that most of it will lie in. */
  constructor(key: MasterKey, compression: Compression, given: SharedArrayBuffer, threadCount?: number) {
    this.#given = given;
    this.#key = key;
    this.#compression = compression;
    const workerData: BlobWorkerData = { key, compression, given };
    this.#threads = new Threads(programBeside(import.meta.url, 'blob-worker'), workerData, threadCount);
  }

  get threadCount(): number {
    return this.#threads.count;
  }

  /** `sizeBytes`: how much work it is. The memory is one that threads can share. */
  async run<Name extends TaskName>(
    bytes: Buffer,
    sizeBytes: number,
    ask: Extract<Ask, { task: Name }>,
  ): Promise<Answer<Name>> {
    this.#doneHereBytes += sizeBytes;
    const isForHere = !this.#threads.areStarted && this.#doneHereBytes <= withoutThreadsBytes;
    const answer: unknown = isForHere
      ? perform(this.#sealerHere(), bytes, ask)
      : await this.#threads.ask({ bytes: share(bytes, this.#given), ask });
    // oxlint-disable-next-line no-unsafe-type-assertion -- an answer is of the kind that was asked for: `perform` says so.
    return answer as Answer<Name>;
  }

  /** As `Sealer.markOf`, on this thread. */
  markOf(plaintext: Uint8Array): number {
    return this.#sealerHere().markOf(plaintext);
  }

  close(): Promise<void> {
    return this.#threads.close();
  }

  #sealerHere(): Sealer {
    this.#here ??= new Sealer(this.#key, loadPrimitives(), this.#compression);
    return this.#here;
  }
}
