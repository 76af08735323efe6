import { RelocateError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import { BlobTable, type NewEntry } from './blob-table.ts';
import { sealBytes, type MasterKey } from './crypto.ts';
import { maxPlainBytes } from './compression.ts';
import { damaged, describeFile, DocumentOpener, isDamage, loadSealed, saveDocument } from './document.ts';
import { JsonReader } from './json-reader.ts';
import type { PackedBlob } from './pack.ts';
import type { Id } from './types.ts';

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

/** The index, or what can be read of it where a part is damaged; `errors` gets a sentence for each such part. */
export async function orSoundIndex(
  loading: Promise<BlobTable>,
  storage: Storage,
  key: MasterKey,
  errors: string[],
): Promise<BlobTable> {
  try {
    return await loading;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return loadSoundIndex(storage, key, ({ message }) => {
      errors.push(`${message} Make the index again with: relocate repair index`);
    });
  }
}

/** Adds the index files that are not in `loaded` yet to the table, and to `loaded`. */
export async function addIndexFiles(
  { storage, key, table, loaded }: { storage: Storage; key: MasterKey; table: BlobTable; loaded: Set<Id> },
  onDamaged: (error: RelocateError) => void = refuseDamaged,
): Promise<void> {
  const next = (await storage.list('index')).filter(({ name }) => !loaded.has(name)).values();
  const opener = new DocumentOpener(key, 'index');
  const loadAll = async () => {
    for (const file of next) {
      try {
        const sealed = await loadSealed(storage, { type: 'index', ...file });
        const what = describeFile({ type: 'index', ...file });
        addIndex(table, opener.open(sealed, what), what);
        giveBack(sealed);
        loaded.add(file.name);
      } catch (error) {
        if (!isDamage(error)) throw error;
        onDamaged(error);
      }
    }
  };
  await Promise.all(Array.from({ length: parallelLoads }, loadAll));
}

/** What one index file says. Throws `repository-damaged`. */
export async function loadIndexFile(storage: Storage, key: MasterKey, name: Id): Promise<BlobTable> {
  const table = new BlobTable();
  const file = { type: 'index', name } as const;
  const what = describeFile(file);
  addIndex(table, new DocumentOpener(key, 'index').open(await loadSealed(storage, file), what), what);
  return table;
}

/** The collector would wait until there are many of them. */
function giveBack(sealed: Buffer): void {
  const { buffer } = sealed;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === sealed.length) buffer.transfer(0);
}

/** Blob by blob: as objects all at once, a large repository's index would fill the memory of a small machine. */
function addIndex(table: BlobTable, json: Buffer, what: string): void {
  const reader = new JsonReader(json, words);
  let hasPacks = false;
  try {
    reader.object((key) => {
      if (key === 'packs') hasPacks = true;
      if (key !== 'packs') reader.skip();
      else if (!reader.takeNull()) reader.array(() => readPack(reader, table));
    });
    reader.end();
    if (!hasPacks) throw new SyntaxError('It has no list of packs.');
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw damaged(what, cause);
  }
}

const words = ['id', 'type', 'offset', 'length', 'uncompressed_length', 'data', 'tree', 'packs', 'blobs'];

function readPack(reader: JsonReader, table: BlobTable): void {
  let id: Id | undefined;
  let blobs: NewEntry[] | undefined;
  reader.object((key) => {
    if (key === 'id') id = readPackId(reader);
    else if (key !== 'blobs') reader.skip();
    else {
      const before: NewEntry[] = [];
      blobs = before;
      const pack = id;
      // Every program writes the ID first; the blobs of one that does not wait for it.
      const take = (blob: NewEntry) =>
        pack === undefined ? void before.push({ ...blob, id: blob.id.slice() }) : table.add(pack, blob);
      if (!reader.takeNull()) readBlobs(reader, take);
    }
  });
  if (id === undefined || blobs === undefined) throw new SyntaxError('A pack has no ID or no list of blobs.');
  for (const blob of blobs) table.add(id, blob);
}

function readPackId(reader: JsonReader): Id {
  const id = reader.string();
  if (!/^[0-9a-f]{64}$/.test(id)) throw new SyntaxError('A pack has an ID that is none.');
  return id;
}

/** `take` is given the same object again and again. */
function readBlobs(reader: JsonReader, take: (blob: NewEntry) => void): void {
  const id = new Uint32Array(8);
  const blob: NewEntry = { id, type: 'data', offset: 0, length: 0, uncompressedLength: 0 };
  const field = (key: string) => {
    if (key === 'id') reader.hex(id);
    else if (key === 'type') blob.type = readType(reader);
    else if (key === 'offset') blob.offset = reader.integer();
    else if (key === 'length') blob.length = reader.integer();
    else if (key === 'uncompressed_length') blob.uncompressedLength = reader.integer();
    else return reader.skip();
    seen |= fieldBits[key];
  };
  let seen = 0;
  reader.array(() => {
    seen = 0;
    blob.uncompressedLength = 0;
    reader.object(field);
    if ((seen & needed) !== needed || !isSound(blob)) throw new SyntaxError('A blob is none that can be.');
    take(blob);
  });
}

const fieldBits = { id: 1, type: 2, offset: 4, length: 8, uncompressed_length: 0 } as const;
const needed = 15;

function readType(reader: JsonReader): PackedBlob['type'] {
  const type = reader.string();
  if (type !== 'data' && type !== 'tree') throw new SyntaxError('A blob is of an unknown type.');
  return type;
}

/** The format keeps lengths in 32 bits, and so does the table; room is made for a blob before it is read. */
function isSound({ offset, length, uncompressedLength }: NewEntry): boolean {
  return (
    offset <= 0xffffffff &&
    length >= sealBytes &&
    length <= maxPlainBytes + sealBytes &&
    uncompressedLength <= 0xffffffff
  );
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
