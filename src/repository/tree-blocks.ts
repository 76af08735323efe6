import type { Storage } from '../storage/storage.ts';
import type { BlobLocation } from './blob-table.ts';
import type { Id } from './types.ts';

const blockBytes = 1024 * 1024;
const maxBlocks = 8;

/**
 * Packs of trees, read in blocks of which the last ones are kept. A snapshot's trees are small, thousands, and lie
 * together: asked for one by one, each would cost a request, which is what a distant storage is slow at.
 */
export class TreeBlocks {
  readonly #storage: Storage;
  /** In the order of use, by pack and number. */
  readonly #blocks = new Map<string, Promise<Buffer>>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /**
   * A sealed tree; `packEnd` is where the pack's last known blob ends. Undefined where its block cannot be read or the
   * tree is in none: it may still be had by itself.
   */
  async load({ pack, offset, length }: BlobLocation, packEnd: number): Promise<Buffer | undefined> {
    const first = Math.floor(offset / blockBytes);
    const last = Math.floor((offset + length - 1) / blockBytes);
    if (last - first > 1) return undefined;
    try {
      const block = await this.#block(pack, first, packEnd);
      const at = offset - first * blockBytes;
      if (last === first) return block.subarray(at, at + length);
      const rest = await this.#block(pack, last, packEnd);
      return Buffer.concat([block.subarray(at), rest.subarray(0, at + length - blockBytes)]);
    } catch {
      return undefined;
    }
  }

  #block(pack: Id, number: number, packEnd: number): Promise<Buffer> {
    const key = `${pack} ${number}`;
    const known = this.#blocks.get(key);
    this.#blocks.delete(key);
    const block = known ?? this.#read(pack, number * blockBytes, packEnd);
    this.#blocks.set(key, block);
    // One that failed is not kept.
    if (known === undefined) block.catch(() => this.#blocks.delete(key));
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= maxBlocks) break;
      this.#blocks.delete(oldest);
    }
    return block;
  }

  #read(pack: Id, offset: number, packEnd: number): Promise<Buffer> {
    const length = Math.min(blockBytes, packEnd - offset);
    return this.#storage.load({ type: 'pack', name: pack }, { offset, length });
  }
}
