import { workerData } from 'node:worker_threads';
import { damageOfPack } from './check-pack.ts';
import { receivedKey, type SentKey } from './crypto.ts';
import { openBlobs, type Consume, type LoadedBlob, type OpenedBlob } from './open-blobs.ts';
import type { PackedBlob } from './pack.ts';
import { loadPrimitives } from './primitives.ts';
import { Sealer } from './seal-blob.ts';
import { bytesOf, type SharedBytes } from './shared-bytes.ts';
import { serve } from './threads.ts';
import type { Id } from './types.ts';

/** The program of an opening thread. What tasks speak of lies in memory that all threads see. */
export type OpenTask = { bytes: SharedBytes } & (
  | { kind: 'blobs'; blobs: readonly LoadedBlob[]; consumer: string }
  | { kind: 'pack'; pack: Id; indexed: readonly PackedBlob[] }
);

export interface OpenWorkerData {
  key: SentKey;
  given: SharedArrayBuffer;
}

export type OpenResult =
  { kind: 'blobs'; opened: OpenedBlob[] } | { kind: 'pack'; damage: string | undefined };

// oxlint-disable-next-line no-unsafe-type-assertion -- open-pool.ts, which starts this program, hands over just this.
const { key: sentKey, given } = workerData as OpenWorkerData;
const key = receivedKey(sentKey);
const sealer = new Sealer(key, loadPrimitives());
const consumers = new Map<string, Promise<Consume<unknown, unknown>>>();

serve(async (message): Promise<OpenResult> => {
  // oxlint-disable-next-line no-unsafe-type-assertion -- so does open-pool.ts, which asks.
  const task = message as OpenTask;
  const bytes = bytesOf(task.bytes, given);
  if (task.kind === 'pack') {
    return { kind: 'pack', damage: damageOfPack(key, sealer, bytes, task) };
  }
  return { kind: 'blobs', opened: openBlobs(sealer, bytes, task.blobs, await consumerOf(task.consumer)) };
});

function consumerOf(module: string): Promise<Consume<unknown, unknown>> {
  const known = consumers.get(module);
  if (known !== undefined) return known;
  // oxlint-disable-next-line no-unsafe-type-assertion -- what a BlobConsumer names exports just this.
  const loading = import(module).then(({ consume }) => consume as Consume<unknown, unknown>);
  consumers.set(module, loading);
  return loading;
}
