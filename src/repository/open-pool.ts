import { RelocateError } from '../errors.ts';
import { damageOfPack } from './check-pack.ts';
import type { MasterKey } from './crypto.ts';
import { openBlobs, type Consume, type LoadedBlob, type OpenedBlob } from './open-blobs.ts';
import type { OpenResult, OpenTask, OpenWorkerData } from './open-worker.ts';
import type { PackedBlob } from './pack.ts';
import { loadPrimitives } from './primitives.ts';
import { Sealer } from './seal-blob.ts';
import { share } from './shared-bytes.ts';
import { programBeside, Threads } from './threads.ts';
import type { Id } from './types.ts';

/** What is done with open blobs, in the thread that opened them: nothing is sent back but what came of it. */
export interface BlobConsumer<Work, Result> {
  /** Threads load this module and call what it exports as `consume`. */
  module: URL;
  /** The same function, for a little work, which is done without threads. Works and results are copied between threads. */
  consume: Consume<Work, Result>;
}

/** What is opened before threads are started: they take longer to come up than to restore a few small files. */
const withoutThreadsBytes = 1024 * 1024;

/** Threads that open and verify what was loaded. */
export class OpenPool {
  readonly #key: MasterKey;
  readonly #given: SharedArrayBuffer;
  readonly #threads: Threads<OpenTask, OpenResult>;
  #sealerHere: Sealer | undefined;
  #doneHereBytes = 0;

  /** `given`: the memory that most of it will lie in. */
  constructor(key: MasterKey, given: SharedArrayBuffer) {
    this.#key = key;
    this.#given = given;
    const workerData: OpenWorkerData = { key, given };
    this.#threads = new Threads(programBeside(import.meta.url, 'open-worker'), workerData);
  }

  /** Opens blobs in memory that threads can share; what lies there is not needed afterwards. */
  async open(
    bytes: Buffer,
    blobs: readonly LoadedBlob[],
    consumer: BlobConsumer<unknown, unknown>,
  ): Promise<OpenedBlob[]> {
    if (this.#isForHere(blobs.reduce((sum, { length }) => sum + length, 0)))
      return openBlobs(this.sealer(), bytes, blobs, consumer.consume);
    const task = {
      kind: 'blobs',
      bytes: share(bytes, this.#given),
      blobs,
      consumer: consumer.module.href,
    } as const;
    const result = await this.#threads.ask(task);
    if (result.kind !== 'blobs') throw mixedUp();
    return result.opened;
  }

  /** What is wrong with a whole pack, or undefined. */
  async checkPack(
    bytes: Buffer,
    pack: { pack: Id; indexed: readonly PackedBlob[] },
  ): Promise<string | undefined> {
    if (this.#isForHere(bytes.length)) return damageOfPack(this.#key, this.sealer(), bytes, pack);
    const task = { kind: 'pack', bytes: share(bytes, this.#given), ...pack } as const;
    const result = await this.#threads.ask(task);
    if (result.kind !== 'pack') throw mixedUp();
    return result.damage;
  }

  /** Starts threads, if it will be for so much that they are needed. */
  prepare(sizeBytes: number): void {
    if (sizeBytes > withoutThreadsBytes) this.#threads.start();
  }

  /** For the main thread: what it gives is good until it is asked again. */
  sealer(): Sealer {
    this.#sealerHere ??= new Sealer(this.#key, loadPrimitives());
    return this.#sealerHere;
  }

  close(): Promise<void> {
    return this.#threads.close();
  }

  #isForHere(sizeBytes: number): boolean {
    this.#doneHereBytes += sizeBytes;
    return !this.#threads.areStarted && this.#doneHereBytes <= withoutThreadsBytes;
  }
}

const mixedUp = (): RelocateError => new RelocateError('internal', 'A thread answered another question.');
