import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { RelocateError } from '../errors.ts';
import { idOf, type MasterKey } from './crypto.ts';
import { plainPrimitives } from './primitives.ts';
import { sealBatch, type Batch, type SealedBatch } from './seal-batch.ts';
import { Sealer } from './seal-blob.ts';
import type { Request, Response } from './seal-worker.ts';
import type { Id } from './types.ts';

interface Waiting {
  resolve: (result: SealedBatch | string) => void;
  reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  waiting: Map<number, Waiting>;
}

type Task =
  { kind: 'seal'; blobs: Batch['blobs']; mayCompress: boolean } | { kind: 'digest'; length: number };

/** A worker program lies beside this file: compiled in dist, as TypeScript in the sources, where Node strips the types. */
const workerUrl = new URL(`./seal-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** What is sealed before threads are started: they take longer to come up than a snapshot of little news does. */
const withoutThreadsBytes = 1024 * 1024;

/** Threads that compress, seal and digest. Started when there is enough to do, ended by `close`. */
export class SealPool {
  readonly #key: MasterKey;
  readonly #threads: Thread[] = [];
  #sealerHere: Sealer | undefined;
  #number = 0;
  #closed = false;
  #doneHereBytes = 0;

  constructor(key: MasterKey) {
    this.#key = key;
  }

  /** Seals blobs where they are; their memory is one that threads can share. */
  async seal({ bytes, blobs, mayCompress }: Batch): Promise<SealedBatch> {
    const sizeBytes = blobs.reduce((sum, { length }) => sum + length, 0);
    if (this.#isForHere(sizeBytes)) {
      this.#sealerHere ??= new Sealer(this.#key, plainPrimitives);
      return sealBatch(this.#sealerHere, { bytes, blobs, mayCompress });
    }
    const result = await this.#ask(bytes, { kind: 'seal', blobs, mayCompress });
    if (typeof result === 'string') throw new RelocateError('internal', 'A digest came for sealed blobs.');
    return result;
  }

  /** The SHA-256 of bytes in memory that threads can share, from its beginning. */
  async digest(bytes: Buffer): Promise<Id> {
    if (this.#isForHere(0)) return idOf(bytes);
    const result = await this.#ask(bytes, { kind: 'digest', length: bytes.length });
    if (typeof result !== 'string') throw new RelocateError('internal', 'Sealed blobs came for a digest.');
    return result;
  }

  /** What is still under way fails; nothing is begun any more, so that no thread outlives the repository. */
  async close(): Promise<void> {
    this.#closed = true;
    const threads = this.#threads.splice(0);
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
    for (const { reject } of threads.flatMap(({ waiting }) => [...waiting.values()])) reject(closedError());
  }

  #isForHere(sizeBytes: number): boolean {
    this.#doneHereBytes += sizeBytes;
    return this.#threads.length === 0 && this.#doneHereBytes <= withoutThreadsBytes;
  }

  #ask({ buffer }: Buffer, task: Task): Promise<SealedBatch | string> {
    if (!(buffer instanceof SharedArrayBuffer))
      throw new RelocateError('internal', 'This memory is not shared.');
    if (this.#closed) return Promise.reject(closedError());
    if (this.#threads.length === 0) this.#start();
    const thread = this.#threads.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
    const number = (this.#number += 1);
    return new Promise((resolve, reject) => {
      thread.waiting.set(number, { resolve, reject });
      thread.worker.postMessage({ number, memory: buffer, ...task } satisfies Request);
    });
  }

  #start(): void {
    const count = Math.max(1, Math.min(4, availableParallelism()));
    for (let at = 0; at < count; at += 1) {
      const worker = new Worker(workerUrl, { workerData: { ...this.#key } });
      const waiting: Thread['waiting'] = new Map();
      worker.on('message', (response: Response) => {
        const { resolve, reject } = waiting.get(response.number) ?? {};
        waiting.delete(response.number);
        if ('error' in response) reject?.(response.error);
        else resolve?.(response.result);
      });
      worker.on('error', (cause) => {
        const error = new RelocateError('internal', 'A sealing thread ended unexpectedly.', { cause });
        for (const { reject } of waiting.values()) reject(error);
        waiting.clear();
      });
      // A thread that waits for work is no reason to keep the process alive; one that has work is awaited by its caller.
      this.#threads.push({ worker, waiting });
    }
  }
}

const closedError = (): RelocateError =>
  new RelocateError('internal', 'The repository was closed while it was written to.');
