import { workerData } from 'node:worker_threads';
import { perform, type Ask } from './blob-tasks.ts';
import type { Compression } from './compression.ts';
import { receivedKey, type SentKey } from './crypto.ts';
import { loadPrimitives } from './primitives.ts';
import { Sealer } from './seal-blob.ts';
import { bytesOf, type SharedBytes } from './shared-bytes.ts';
import { serve } from './threads.ts';

/** The program of a thread that writes: what tasks speak of lies in memory that all threads see. */
export interface BlobTask {
  bytes: SharedBytes;
  ask: Ask;
}

export interface BlobWorkerData {
  key: SentKey;
  compression: Compression;
  given: SharedArrayBuffer;
}

// oxlint-disable-next-line no-unsafe-type-assertion -- blob-pool.ts, which starts this program, hands over just this.
const { key, compression, given } = workerData as BlobWorkerData;
const sealer = new Sealer(receivedKey(key), loadPrimitives(), compression);

serve((task) => {
  // oxlint-disable-next-line no-unsafe-type-assertion -- as above.
  const { bytes, ask } = task as BlobTask;
  return perform(sealer, bytesOf(bytes, given), ask);
});
