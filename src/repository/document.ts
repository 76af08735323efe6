import { RelocateError } from '../errors.ts';
import type { FileType, Storage, StorageFile } from '../storage/storage.ts';
import { compress, decompress } from './compression.ts';
import { idOf, open, seal, type MasterKey } from './crypto.ts';
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

/** Throws `repository-damaged`. */
export function decodeDocument(key: MasterKey, sealed: Uint8Array, what: string): unknown {
  const plaintext = open(key, sealed);
  if (plaintext === undefined) throw damaged(what);
  const first = plaintext[0];
  if (first !== compressedMark && first !== 0x7b && first !== 0x5b) throw damaged(what);
  try {
    const json = first === compressedMark ? decompress(plaintext.subarray(1)) : plaintext;
    return JSON.parse(json.toString('utf8'));
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

/** Throws `repository-damaged` when the file is not what its name says. */
export async function loadDocument(storage: Storage, key: MasterKey, file: StorageFile): Promise<unknown> {
  const sealed = await storage.load(file);
  const what = describeFile(file);
  if (file.type !== 'config' && idOf(sealed) !== file.name) throw damaged(what);
  return decodeDocument(key, sealed, what);
}

export function describeFile({ type, name }: StorageFile): string {
  return type === 'config' ? 'the config file' : `${type} ${name.slice(0, 8)}`;
}

export function damaged(what: string, cause?: unknown): RelocateError {
  return new RelocateError(
    'repository-damaged',
    `The repository is damaged: ${what} is not what was stored.`,
    {
      facts: { file: what },
      hint: 'Nothing was changed. See how far the damage goes with: relocate check --read-data',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** Whether what was stored is not what it should be, rather than that it could not be had. */
export function isDamage(error: unknown): error is RelocateError {
  return error instanceof RelocateError && error.code === 'repository-damaged';
}
