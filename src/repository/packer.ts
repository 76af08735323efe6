import type { Storage } from '../storage/storage.ts';
import { idOf, type MasterKey } from './crypto.ts';
import { encodeHeader, headerIsFull, packTargetBytes, type PackedBlob } from './pack.ts';
import type { SealedBlob } from './seal-blob.ts';
import type { BlobType, Id } from './types.ts';

/** Fills packs with blobs of one type and stores each when it is full. */
export class Packer {
  readonly #storage: Storage;
  readonly #key: MasterKey;
  readonly #type: BlobType;
  readonly #stored: (pack: Id, blobs: readonly PackedBlob[]) => Promise<void>;
  #blobs: PackedBlob[] = [];
  #parts: Buffer[] = [];
  #sizeBytes = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    storage: Storage,
    key: MasterKey,
    type: BlobType,
    /** Called when a pack is safe in the storage. */
    stored: (pack: Id, blobs: readonly PackedBlob[]) => Promise<void>,
  ) {
    this.#storage = storage;
    this.#key = key;
    this.#type = type;
    this.#stored = stored;
  }

  /** Resolves when there is room for more: one pack is being stored while the next one fills. */
  async add(id: Id, { sealed, uncompressedLength }: SealedBlob): Promise<void> {
    this.#blobs.push({
      id,
      type: this.#type,
      offset: this.#sizeBytes,
      length: sealed.length,
      uncompressedLength,
    });
    this.#parts.push(sealed);
    this.#sizeBytes += sealed.length;
    if (this.#sizeBytes >= packTargetBytes || headerIsFull(this.#blobs.length)) await this.flush(false);
  }

  /** Stores what there is; with `wait`, resolves only when all of it is safe. */
  async flush(wait = true): Promise<void> {
    const blobs = this.#blobs;
    const parts = this.#parts;
    this.#blobs = [];
    this.#parts = [];
    this.#sizeBytes = 0;
    const before = this.#saving;
    if (blobs.length > 0) {
      this.#saving = before.then(() => this.#save(blobs, parts));
      // Whoever waits next sees the error; until then it is not an unhandled one.
      this.#saving.catch(() => {});
    }
    await (wait ? this.#saving : before);
  }

  async #save(blobs: readonly PackedBlob[], parts: readonly Buffer[]): Promise<void> {
    const content = [...parts, ...encodeHeader(this.#key, blobs)];
    const pack = idOf(...content);
    await this.#storage.save({ type: 'pack', name: pack }, content);
    await this.#stored(pack, blobs);
  }
}
