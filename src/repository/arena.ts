/** A stretch of memory that all threads see. */
export interface Slot {
  bytes: Buffer;
  release(): void;
}

interface Stretch {
  at: number;
  length: number;
}

/** Addresses that processors like to copy from. */
const alignment = 64;

/**
 * One piece of memory that all threads see, lent out in stretches of any length, the lowest that is free first: for as
 * long as the arena lives nothing is allocated any more, and what is used of it grows no larger than it must. Whoever
 * finds no room waits in line; what is larger than all of it is lent alone, from memory of its own.
 */
export class Arena {
  readonly #sizeBytes: number;
  #memory: SharedArrayBuffer | undefined;
  /** Lent out, by their places. */
  readonly #lent: Stretch[] = [];
  readonly #line: { length: number; go: (slot: Slot) => void }[] = [];

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /** All of it. What was never lent of it takes no room. */
  get memory(): SharedArrayBuffer {
    this.#memory ??= new SharedArrayBuffer(this.#sizeBytes);
    return this.#memory;
  }

  async take(sizeBytes: number): Promise<Slot> {
    const length = Math.max(1, sizeBytes);
    const slot = this.#line.length === 0 ? this.#lend(length) : undefined;
    return slot ?? new Promise((go) => this.#line.push({ length, go }));
  }

  #lend(length: number): Slot | undefined {
    const at = this.#freePlace(length);
    if (at === undefined) return undefined;
    const stretch = { at, length };
    const index = this.#lent.findIndex((other) => other.at > at);
    this.#lent.splice(index < 0 ? this.#lent.length : index, 0, stretch);
    return {
      bytes: Buffer.from(this.#memoryFor(length), at, length),
      release: () => {
        this.#lent.splice(this.#lent.indexOf(stretch), 1);
        this.#serve();
      },
    };
  }

  #memoryFor(length: number): SharedArrayBuffer {
    return length > this.#sizeBytes ? new SharedArrayBuffer(length) : this.memory;
  }

  #freePlace(length: number): number | undefined {
    if (length > this.#sizeBytes) return this.#lent.length === 0 ? 0 : undefined;
    let at = 0;
    for (const stretch of this.#lent) {
      if (at + length <= stretch.at) return at;
      at = Math.ceil((stretch.at + stretch.length) / alignment) * alignment;
    }
    return at + length <= this.#sizeBytes ? at : undefined;
  }

  #serve(): void {
    for (let [first] = this.#line; first !== undefined; [first] = this.#line) {
      const slot = this.#lend(first.length);
      if (slot === undefined) return;
      this.#line.shift();
      first.go(slot);
    }
  }
}
