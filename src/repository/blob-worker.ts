import { workerData } from 'node:worker_threads';
import { perform, type Ask } from './blob-tasks.ts';
import type { Compression } from './compression.ts';
import type { MasterKey } from './crypto.ts';
import { loadPrimitives } from './primitives.ts';
import { Sealer } from './seal-blob.ts';
import { bytesOf, type SharedBytes } from './shared-bytes.ts';
import { serve } from './threads.ts';

/** The program of a thread that writes: what tasks speak of lies in memory that all threads see. */
export interface BlobTask {
  bytes: SharedBytes;
  ask: Ask;
}

/** Buffers come out of a message as plain arrays of bytes. */
export interface BlobWorkerData {
  key: Record<keyof MasterKey, Uint8Array>;
  compression: Compression;
}

// oxlint-disable-next-line no-unsafe-type-assertion -- blob-pool.ts, which starts this program, hands over just this.
const { key, compression } = workerData as BlobWorkerData;
const masterKey = {
  encrypt: Buffer.from(key.encrypt),
  macK: Buffer.from(key.macK),
  macR: Buffer.from(key.macR),
};
const sealer = new Sealer(masterKey, loadPrimitives(), compression);

serve((task) => {
  // oxlint-disable-next-line no-unsafe-type-assertion -- as above.
  const { bytes, ask } = task as BlobTask;
  return perform(sealer, bytesOf(bytes), ask);
});
