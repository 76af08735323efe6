import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import { BlobTable } from './blob-table.ts';
import { sealBytes, type MasterKey } from './crypto.ts';
import { damaged, isDamage, loadDocument, saveDocument } from './document.ts';
import type { PackedBlob } from './pack.ts';
import type { Id } from './types.ts';

/** What is one in a repository of terabytes is checked with zod; the millions of blobs below by hand, ten times faster. */
const indexJson = z.object({
  packs: z
    .array(
      z.object({
        id: z.string().regex(/^[0-9a-f]{64}$/),
        blobs: z.custom<unknown[]>(Array.isArray).nullable(),
      }),
    )
    .nullable(),
});

/** Index files loaded at once: enough to hide a storage's latency, few enough to bound memory. */
const parallelLoads = 4;
/** As restic does it: larger index files take long to load, smaller ones are many. */
export const blobsPerIndex = 50_000;

/** All index files of the repository in one table. Throws `repository-damaged` at the first that is not whole. */
export async function loadIndex(
  storage: Storage,
  key: MasterKey,
  loaded: Set<Id> = new Set(),
): Promise<BlobTable> {
  const table = new BlobTable();
  await addIndexFiles({ storage, key, table, loaded }, refuseDamaged);
  return table;
}

function refuseDamaged(error: RelocateError): never {
  throw new RelocateError(error.code, error.message, {
    facts: error.facts,
    hint: `Nothing was changed, and no data is lost: packs list what they hold. Make the index again with: relocate repair index`,
    cause: error,
  });
}

/** The index files that are whole, in one table; `onDamaged` hears of the others. */
export async function loadSoundIndex(
  storage: Storage,
  key: MasterKey,
  onDamaged: (error: RelocateError) => void,
): Promise<BlobTable> {
  const table = new BlobTable();
  await addIndexFiles({ storage, key, table, loaded: new Set() }, onDamaged);
  return table;
}

/** Adds the index files that are not in `loaded` yet to the table, and to `loaded`. */
export async function addIndexFiles(
  { storage, key, table, loaded }: { storage: Storage; key: MasterKey; table: BlobTable; loaded: Set<Id> },
  onDamaged: (error: RelocateError) => void = refuseDamaged,
): Promise<void> {
  const names = (await storage.list('index')).map((file) => file.name).filter((name) => !loaded.has(name));
  const next = names.values();
  const loadAll = async () => {
    for (const name of next) {
      try {
        addIndex(table, await loadDocument(storage, key, { type: 'index', name }), name);
        loaded.add(name);
      } catch (error) {
        if (!isDamage(error)) throw error;
        onDamaged(error);
      }
    }
  };
  await Promise.all(Array.from({ length: parallelLoads }, loadAll));
}

export function addIndex(table: BlobTable, document: unknown, name: Id): void {
  const parsed = indexJson.safeParse(document);
  if (!parsed.success) throw damaged(`index ${name.slice(0, 8)}`, parsed.error);
  for (const pack of parsed.data.packs ?? []) {
    // A repair or prune that was killed leaves old and new index files, which name the same packs.
    const mayBeKnown = table.hasPack(pack.id);
    for (const value of pack.blobs ?? []) {
      const blob = blobOf(value);
      if (blob === undefined) throw damaged(`index ${name.slice(0, 8)}`);
      if (!mayBeKnown || !table.hasPlace(pack.id, blob)) table.add(pack.id, blob);
    }
  }
}

function blobOf(value: unknown): PackedBlob | undefined {
  if (!isRecord(value)) return undefined;
  const { id, type, offset, length, uncompressed_length: uncompressedLength = 0 } = value;
  const isSound =
    typeof id === 'string' &&
    hexId.test(id) &&
    (type === 'data' || type === 'tree') &&
    isUint32(offset) &&
    isUint32(length) &&
    length >= sealBytes &&
    isUint32(uncompressedLength);
  return isSound ? { id, type, offset, length, uncompressedLength } : undefined;
}

const hexId = /^[0-9a-f]{64}$/;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** The format keeps lengths in 32 bits, and so does the table. */
const isUint32 = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffffffff;

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
