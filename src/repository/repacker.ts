import type { Storage } from '../storage/storage.ts';
import { sha256, type MasterKey } from './crypto.ts';
import { encodeHeader, headerIsFull, packTargetBytes, type PackedBlob } from './pack.ts';
import type { BlobType, Id } from './types.ts';

export interface RepackerTools {
  storage: Storage;
  key: MasterKey;
  /** Called when a pack is safe in the storage. */
  stored: (pack: Id, blobs: readonly PackedBlob[]) => Promise<void>;
}

/** Fills packs with blobs that are sealed with this repository's key already: they move as they are. */
export class Repacker {
  readonly #tools: RepackerTools;
  readonly #type: BlobType;
  #blobs: PackedBlob[] = [];
  #parts: Buffer[] = [];
  #sizeBytes = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(type: BlobType, tools: RepackerTools) {
    this.#type = type;
    this.#tools = tools;
  }

  /** Waits while one pack is being stored and the next one is full. */
  async add(id: Id, sealed: Buffer, uncompressedLength: number): Promise<void> {
    this.#blobs.push({
      id,
      type: this.#type,
      offset: this.#sizeBytes,
      length: sealed.length,
      uncompressedLength,
    });
    this.#parts.push(sealed);
    this.#sizeBytes += sealed.length;
    if (this.#sizeBytes >= packTargetBytes || headerIsFull(this.#blobs.length)) await this.#close();
  }

  /** Stores what there is; resolves when all of it is safe. */
  async flush(): Promise<void> {
    if (this.#blobs.length > 0) await this.#close();
    await this.#saving;
  }

  async #close(): Promise<void> {
    const blobs = this.#blobs;
    const content = [...this.#parts, ...encodeHeader(this.#tools.key, blobs)];
    this.#blobs = [];
    this.#parts = [];
    this.#sizeBytes = 0;
    await this.#saving;
    this.#saving = this.#save(blobs, content);
    // Whoever waits next sees the error; until then it is not an unhandled one.
    this.#saving.catch(() => {});
  }

  async #save(blobs: readonly PackedBlob[], content: readonly Buffer[]): Promise<void> {
    const pack = sha256(...content).toString('hex');
    await this.#tools.storage.save({ type: 'pack', name: pack }, content);
    await this.#tools.stored(pack, blobs);
  }
}
