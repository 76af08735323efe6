import { parentPort, workerData } from 'node:worker_threads';
import type { MasterKey } from './crypto.ts';
import { sealBlob } from './seal-blob.ts';

/** The program of a sealing thread: one message in, one out, buffers handed over without a copy. */
export interface SealRequest {
  number: number;
  id: string;
  plaintext: Uint8Array;
  mayCompress: boolean;
}

export type SealResponse =
  | { number: number; sealed: Uint8Array<ArrayBuffer>; uncompressedLength: number }
  | { number: number; error: unknown };

// oxlint-disable-next-line no-unsafe-type-assertion -- seal-pool.ts, which starts this program, hands over just this.
const { encrypt, macK, macR } = workerData as Record<keyof MasterKey, Uint8Array>;
const key: MasterKey = { encrypt: Buffer.from(encrypt), macK: Buffer.from(macK), macR: Buffer.from(macR) };
parentPort?.on('message', ({ number, id, plaintext, mayCompress }: SealRequest) => {
  try {
    const { sealed, uncompressedLength } = sealBlob(key, id, plaintext, mayCompress);
    parentPort?.postMessage({ number, sealed, uncompressedLength } satisfies SealResponse, [sealed.buffer]);
  } catch (error) {
    parentPort?.postMessage({ number, error } satisfies SealResponse);
  }
});
