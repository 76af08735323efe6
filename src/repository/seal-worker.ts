import { hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { MasterKey } from './crypto.ts';
import { loadPrimitives } from './primitives.ts';
import { Sealer } from './seal-blob.ts';
import { sealBatch, type Batch, type SealedBatch } from './seal-batch.ts';

/** The program of a sealing thread: one message in, one out; what they speak of lies in memory that all threads see. */
export type Request = { number: number; memory: SharedArrayBuffer } & (
  { kind: 'seal'; blobs: Batch['blobs']; mayCompress: boolean } | { kind: 'digest'; length: number }
);

export type Response = { number: number; result: SealedBatch | string } | { number: number; error: unknown };

// oxlint-disable-next-line no-unsafe-type-assertion -- seal-pool.ts, which starts this program, hands over just this.
const { encrypt, macK, macR } = workerData as Record<keyof MasterKey, Uint8Array>;
const key: MasterKey = { encrypt: Buffer.from(encrypt), macK: Buffer.from(macK), macR: Buffer.from(macR) };
const sealer = new Sealer(key, loadPrimitives());

function answer(request: Request): SealedBatch | string {
  const bytes = Buffer.from(request.memory);
  return request.kind === 'seal'
    ? sealBatch(sealer, { bytes, ...request })
    : hash('sha256', bytes.subarray(0, request.length), 'hex');
}

parentPort?.on('message', (request: Request) => {
  const { number } = request;
  try {
    parentPort?.postMessage({ number, result: answer(request) } satisfies Response);
  } catch (error) {
    parentPort?.postMessage({ number, error } satisfies Response);
  }
});
