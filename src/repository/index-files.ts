import * as z from 'zod';
import type { Storage } from '../storage/storage.ts';
import { BlobTable } from './blob-table.ts';
import { sealBytes, type MasterKey } from './crypto.ts';
import { damaged, loadDocument, saveDocument } from './document.ts';
import type { PackedBlob } from './pack.ts';
import type { Id } from './types.ts';

const hexId = z.string().regex(/^[0-9a-f]{64}$/);
/** The format keeps these in 32 bits, and so does the table. */
const uint32 = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);
const indexJson = z.object({
  packs: z
    .array(
      z.object({
        id: hexId,
        blobs: z
          .array(
            z.object({
              id: hexId,
              type: z.enum(['data', 'tree']),
              offset: uint32,
              length: uint32.min(sealBytes),
              uncompressed_length: uint32.optional(),
            }),
          )
          .nullable(),
      }),
    )
    .nullable(),
});

/** Index files loaded at once: enough to hide a storage's latency, few enough to bound memory. */
const parallelLoads = 4;

/** All index files of the repository in one table. Throws `repository-damaged` at the first that is not whole. */
export async function loadIndex(storage: Storage, key: MasterKey): Promise<BlobTable> {
  const table = new BlobTable();
  const names = (await storage.list('index')).map((file) => file.name);
  const next = names.values();
  const loadAll = async () => {
    for (const name of next) addIndex(table, await loadDocument(storage, key, { type: 'index', name }), name);
  };
  await Promise.all(Array.from({ length: parallelLoads }, loadAll));
  return table;
}

export function addIndex(table: BlobTable, document: unknown, name: Id): void {
  const parsed = indexJson.safeParse(document);
  if (!parsed.success) throw damaged(`index ${name.slice(0, 8)}`, parsed.error);
  for (const pack of parsed.data.packs ?? []) {
    for (const blob of pack.blobs ?? []) {
      table.add(pack.id, { ...blob, uncompressedLength: blob.uncompressed_length ?? 0 });
    }
  }
}

export async function saveIndex(
  storage: Storage,
  key: MasterKey,
  packs: ReadonlyMap<Id, readonly PackedBlob[]>,
  version: 1 | 2,
): Promise<Id> {
  const document = {
    packs: [...packs].map(([id, blobs]) => ({
      id,
      blobs: blobs.map((blob) => ({
        id: blob.id,
        type: blob.type,
        offset: blob.offset,
        length: blob.length,
        ...(blob.uncompressedLength > 0 ? { uncompressed_length: blob.uncompressedLength } : {}),
      })),
    })),
  };
  return saveDocument(storage, key, 'index', document, version);
}
