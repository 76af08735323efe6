import type { Storage } from '../storage/storage.ts';
import { maxChunkBytes } from './chunker.ts';
import { sealBytes, type MasterKey } from './crypto.ts';
import { encodeHeader, headerIsFull, packTargetBytes, type PackedBlob } from './pack.ts';
import type { BlobType, Id } from './types.ts';

export interface PackerTools {
  storage: Storage;
  key: MasterKey;
  /** The SHA-256 of bytes in shared memory. */
  digest: (bytes: Buffer) => Promise<Id>;
  /** Called when a pack is safe in the storage. */
  stored: (pack: Id, blobs: readonly PackedBlob[]) => Promise<void>;
}

/** Room for a pack to which one chunk more is added when it is nearly full. */
const usualBytes = packTargetBytes + maxChunkBytes + sealBytes;

/** Fills packs with blobs of one type and stores each when it is full. */
export class Packer {
  readonly #tools: PackerTools;
  readonly #type: BlobType;
  #blobs: PackedBlob[] = [];
  #sizeBytes = 0;
  /** Used again and again, as fresh memory is slow; shared, so that a thread can digest it. */
  #buffer: Buffer = Buffer.alloc(0);
  #spare: Buffer[] = [];
  /** Packs at most that are being stored. */
  readonly #atOnce: number;
  /** Of the packs that were filled last, as many and one more: each settles when its pack is stored. */
  #saves: Promise<void>[] = [];

  constructor(type: BlobType, tools: PackerTools) {
    this.#type = type;
    this.#tools = tools;
    this.#atOnce = tools.storage.savesAtOnce ?? 1;
  }

  /** Copies the blob when there is room: when packs are being stored, and another one is full, all who come wait. */
  async add(id: Id, sealed: Buffer, uncompressedLength: number): Promise<void> {
    let before;
    do {
      before = this.#saves;
      if (before.length > this.#atOnce) await before[0];
      // Of all who waited, the first ones may have filled the next pack.
    } while (before !== this.#saves);
    this.#makeRoom(sealed.length);
    sealed.copy(this.#buffer, this.#sizeBytes);
    this.#blobs.push({
      id,
      type: this.#type,
      offset: this.#sizeBytes,
      length: sealed.length,
      uncompressedLength,
    });
    this.#sizeBytes += sealed.length;
    if (this.#sizeBytes >= packTargetBytes || headerIsFull(this.#blobs.length)) this.#close();
  }

  /** Stores what there is; resolves when all of it is safe. */
  async flush(): Promise<void> {
    if (this.#blobs.length > 0) this.#close();
    await Promise.all(this.#saves);
  }

  #makeRoom(bytes: number): void {
    const needed = this.#sizeBytes + bytes;
    if (this.#buffer.length === 0) this.#buffer = this.#spare.pop() ?? sharedBuffer(usualBytes);
    if (this.#buffer.length >= needed) return;
    // A folder with a million entries is a blob of its own size.
    const larger = sharedBuffer(needed);
    this.#buffer.copy(larger, 0, 0, this.#sizeBytes);
    this.#buffer = larger;
  }

  #close(): void {
    for (const part of encodeHeader(this.#tools.key, this.#blobs)) {
      this.#makeRoom(part.length);
      part.copy(this.#buffer, this.#sizeBytes);
      this.#sizeBytes += part.length;
    }
    const blobs = this.#blobs;
    const buffer = this.#buffer;
    const content = buffer.subarray(0, this.#sizeBytes);
    this.#blobs = [];
    this.#buffer = Buffer.alloc(0);
    this.#sizeBytes = 0;
    const turn = this.#saves.at(-this.#atOnce) ?? Promise.resolve();
    const save = turn.then(() => this.#save(blobs, content)).then(() => this.#keep(buffer));
    // Whoever waits next sees the error, and all that come after it have it too; until then it is not an unhandled one.
    save.catch(() => {});
    this.#saves = [...this.#saves.slice(-this.#atOnce), save];
  }

  #keep(buffer: Buffer): void {
    if (buffer.length === usualBytes) this.#spare.push(buffer);
  }

  async #save(blobs: readonly PackedBlob[], content: Buffer): Promise<void> {
    const pack = await this.#tools.digest(content);
    await this.#tools.storage.save({ type: 'pack', name: pack }, [content]);
    await this.#tools.stored(pack, blobs);
  }
}

const sharedBuffer = (sizeBytes: number): Buffer => Buffer.from(new SharedArrayBuffer(sizeBytes));
