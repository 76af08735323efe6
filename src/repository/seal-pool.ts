import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { RelocateError } from '../errors.ts';
import type { MasterKey } from './crypto.ts';
import { sealBlob, type SealedBlob } from './seal-blob.ts';
import type { SealRequest, SealResponse } from './seal-worker.ts';
import type { Id } from './types.ts';

interface Waiting {
  resolve: (blob: SealedBlob) => void;
  reject: (error: unknown) => void;
}

/** A worker program lies beside this file: compiled in dist, as TypeScript in the sources, where Node strips the types. */
const workerUrl = new URL(`./seal-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** What is sealed before threads are started: they take longer to come up than a snapshot of little news does. */
const withoutThreadsBytes = 1024 * 1024;

/** Threads that compress and seal blobs. Started when there is enough to do, ended by `close`. */
export class SealPool {
  readonly #key: MasterKey;
  readonly #threads: { worker: Worker; waiting: Map<number, Waiting> }[] = [];
  #number = 0;
  #sealedHereBytes = 0;

  constructor(key: MasterKey) {
    this.#key = key;
  }

  /** Takes the plaintext over: its buffer is gone from this thread afterwards unless it is a part of a larger one. */
  async seal(id: Id, plaintext: Buffer, mayCompress: boolean): Promise<SealedBlob> {
    this.#sealedHereBytes += plaintext.length;
    if (this.#sealedHereBytes <= withoutThreadsBytes) return sealBlob(this.#key, id, plaintext, mayCompress);
    if (this.#threads.length === 0) this.#start();
    const thread = this.#threads.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
    const number = (this.#number += 1);
    return new Promise((resolve, reject) => {
      thread.waiting.set(number, { resolve, reject });
      const request: SealRequest = { number, id, plaintext, mayCompress };
      const { buffer } = plaintext;
      const isWhole = buffer instanceof ArrayBuffer && plaintext.byteLength === buffer.byteLength;
      thread.worker.postMessage(request, isWhole ? [buffer] : []);
    });
  }

  async close(): Promise<void> {
    const threads = this.#threads.splice(0);
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  #start(): void {
    const count = Math.max(1, Math.min(4, availableParallelism()));
    for (let at = 0; at < count; at += 1) {
      const worker = new Worker(workerUrl, { workerData: { ...this.#key } });
      const waiting = new Map<number, Waiting>();
      worker.on('message', (response: SealResponse) => {
        const { resolve, reject } = waiting.get(response.number) ?? {};
        waiting.delete(response.number);
        if ('error' in response) reject?.(response.error);
        else
          resolve?.({
            sealed: Buffer.from(response.sealed.buffer),
            uncompressedLength: response.uncompressedLength,
          });
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
