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
  /** Settles when the pack that was filled last is stored; `#earlier`, when the one before it is. */
  #saving: Promise<void> = Promise.resolve();
  #earlier: Promise<void> = Promise.resolve();

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

  /** Takes the blob when there is room: one pack is being stored, another one is full, and all who come wait. */
  async add(id: Id, { sealed, uncompressedLength }: SealedBlob): Promise<void> {
    let earlier;
    do {
      earlier = this.#earlier;
      await earlier;
      // Of all who waited, the first ones may have filled the next pack.
    } while (earlier !== this.#earlier);
    this.#blobs.push({
      id,
      type: this.#type,
      offset: this.#sizeBytes,
      length: sealed.length,
      uncompressedLength,
    });
    this.#parts.push(sealed);
    this.#sizeBytes += sealed.length;
    if (this.#sizeBytes >= packTargetBytes || headerIsFull(this.#blobs.length)) this.#close();
  }

  /** Stores what there is; resolves when all of it is safe. */
  async flush(): Promise<void> {
    if (this.#blobs.length > 0) this.#close();
    await this.#saving;
  }

  #close(): void {
    const blobs = this.#blobs;
    const parts = this.#parts;
    this.#blobs = [];
    this.#parts = [];
    this.#sizeBytes = 0;
    this.#earlier = this.#saving;
    this.#saving = this.#saving.then(() => this.#save(blobs, parts));
    // Whoever waits next sees the error; until then it is not an unhandled one.
    this.#saving.catch(() => {});
  }

  async #save(blobs: readonly PackedBlob[], parts: readonly Buffer[]): Promise<void> {
    const content = [...parts, ...encodeHeader(this.#key, blobs)];
    const pack = idOf(...content);
    await this.#storage.save({ type: 'pack', name: pack }, content);
    await this.#stored(pack, blobs);
  }
}
