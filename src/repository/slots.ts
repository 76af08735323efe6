import { Limit } from './limit.ts';

/** A stretch of memory that all threads see. */
export interface Slot {
  bytes: Buffer;
  release(): void;
}

const smallestBytes = 1024 * 1024;

/**
 * Memory for blobs on their way through the threads. It is used again and again: fresh memory costs as much time as to
 * encrypt what is put into it. At most `limitBytes` are out at once, but for one slot that is larger than all of it.
 */
export class Slots {
  readonly #limitBytes: number;
  readonly #limit: Limit;
  readonly #free: SharedArrayBuffer[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#limit = new Limit(limitBytes);
  }

  /** Waits until there is room for `sizeBytes`; the slot may be larger. */
  async take(sizeBytes: number): Promise<Slot> {
    const roomBytes = Math.max(smallestBytes, 2 ** Math.ceil(Math.log2(sizeBytes)));
    await this.#limit.acquire(roomBytes);
    const memory = this.#reuse(roomBytes) ?? new SharedArrayBuffer(roomBytes);
    return {
      bytes: Buffer.from(memory),
      release: () => {
        this.#free.push(memory);
        this.#trim();
        this.#limit.release(roomBytes);
      },
    };
  }

  #reuse(roomBytes: number): SharedArrayBuffer | undefined {
    const at = this.#free.findLastIndex(({ byteLength }) => byteLength === roomBytes);
    return at < 0 ? undefined : this.#free.splice(at, 1)[0];
  }

  /** Slots of sizes that are no longer asked for go, the oldest first. */
  #trim(): void {
    let total = this.#free.reduce((sum, { byteLength }) => sum + byteLength, 0);
    while (total > this.#limitBytes) total -= this.#free.shift()?.byteLength ?? total;
  }
}
