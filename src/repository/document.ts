import { RelocateError, type Facts } from '../errors.ts';
import type { FileType, Storage, StorageFile } from '../storage/storage.ts';
import { compress, decompress, statedBytes } from './compression.ts';
import { idOf, open, seal, type MasterKey } from './crypto.ts';
import { loadPrimitives } from './primitives.ts';
import { Sealer } from './seal-blob.ts';
import type { Id } from './types.ts';

/**
 * Sealed JSON documents: index, snapshot, lock and config. From version 2 on the plaintext is `0x02 ‖ zstd(JSON)`, but
 * a first byte of `{` or `[` is plain JSON in any version, and config is always plain.
 */
const compressedMark = 2;

export function encodeDocument(key: MasterKey, value: unknown, version: 1 | 2): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return seal(key, version === 1 ? json : Buffer.concat([Buffer.of(compressedMark), compress(json)]));
}

/**
 * What is larger, stored or unpacked, is an attack on memory: an index holds 150,000 blobs at most when restic writes
 * it, and a snapshot is large only by the paths and patterns it was given.
 */
const mebibyte = 1024 * 1024;
const maxDocumentBytes: Readonly<Record<FileType, number>> = {
  config: mebibyte,
  key: mebibyte,
  lock: mebibyte,
  snapshot: 16 * mebibyte,
  index: 128 * mebibyte,
  pack: 0,
};

/** Throws `repository-damaged`. */
export function decodeDocument(key: MasterKey, sealed: Uint8Array, type: FileType, what: string): unknown {
  const json = openDocument(key, sealed, type, what);
  try {
    return JSON.parse(json.toString('utf8'));
  } catch (cause) {
    throw damaged(what, cause);
  }
}

function openDocument(key: MasterKey, sealed: Uint8Array, type: FileType, what: string): Buffer {
  return jsonOf(open(key, sealed), type, what);
}

function jsonOf(plaintext: Buffer | undefined, type: FileType, what: string): Buffer {
  const first = plaintext?.[0];
  if (plaintext === undefined || first === undefined) throw damaged(what);
  if (first === 0x7b || first === 0x5b) return plaintext;
  if (first !== compressedMark) throw damaged(what);
  try {
    return decompress(plaintext.subarray(1), maxDocumentBytes[type]);
  } catch (cause) {
    throw damaged(what, cause);
  }
}

/** Stores a document under the digest of what is stored, which is its ID. */
export async function saveDocument(
  storage: Storage,
  key: MasterKey,
  type: FileType,
  value: unknown,
  version: 1 | 2,
): Promise<Id> {
  const sealed = encodeDocument(key, value, version);
  const name = idOf(sealed);
  await storage.save({ type, name }, [sealed]);
  return name;
}

/** A file as a storage lists it, or one whose size is not known. */
export type ListedFile = StorageFile & { sizeBytes?: number };

/** Throws `repository-damaged` when the file is not what its name says. */
export async function loadDocument(storage: Storage, key: MasterKey, file: ListedFile): Promise<unknown> {
  return decodeDocument(key, await loadSealed(storage, file), file.type, describeFile(file));
}

/** Opens one large document after the other in memory that is kept; what it gives is good until the next one. */
export class DocumentOpener {
  readonly #sealer: Sealer;
  readonly #type: FileType;
  #room = Buffer.allocUnsafeSlow(0);

  constructor(key: MasterKey, type: FileType) {
    this.#sealer = new Sealer(key, loadPrimitives());
    this.#type = type;
  }

  /** The document's JSON. Throws `repository-damaged`. */
  open(sealed: Buffer, what: string): Buffer {
    const plaintext = this.#sealer.open(sealed, 0);
    if (plaintext?.[0] !== compressedMark) return jsonOf(plaintext, this.#type, what);
    const frame = plaintext.subarray(1);
    const sizeBytes = statedBytes(frame) ?? Infinity;
    if (sizeBytes > maxDocumentBytes[this.#type]) return jsonOf(plaintext, this.#type, what);
    if (this.#room.length < sizeBytes) {
      this.#room.buffer.transfer(0);
      this.#room = Buffer.allocUnsafeSlow(sizeBytes);
    }
    const json = this.#room.subarray(0, sizeBytes);
    if (loadPrimitives().decompress(frame, json) !== sizeBytes) throw damaged(what);
    return json;
  }
}

/** The file as it is stored: what its name says, and no more than it can be. Throws `repository-damaged`. */
export async function loadSealed(storage: Storage, file: ListedFile): Promise<Buffer> {
  assertPossibleSize(file);
  const sealed = await storage.load(file);
  if (file.type !== 'config' && idOf(sealed) !== file.name) throw damaged(describeFile(file));
  return sealed;
}

/** Before it is read: whoever can write to the storage can put a file there that fits into no memory. */
export function assertPossibleSize(file: ListedFile): void {
  if ((file.sizeBytes ?? 0) > maxDocumentBytes[file.type]) throw damaged(describeFile(file));
}

export function describeFile({ type, name }: StorageFile): string {
  return type === 'config' ? 'the config file' : `${type} ${name.slice(0, 8)}`;
}

export function damaged(what: string, cause?: unknown, facts: Facts = {}): RelocateError {
  return new RelocateError(
    'repository-damaged',
    `The repository is damaged: ${what} is not what was stored.`,
    {
      facts: { file: what, ...facts },
      hint: 'Nothing was changed. See how far the damage goes with: relocate check --read-data',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** Whether what was stored is not what it should be, rather than that it could not be had. */
export function isDamage(error: unknown): error is RelocateError {
  return error instanceof RelocateError && error.code === 'repository-damaged';
}
