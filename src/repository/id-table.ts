import { randomFillSync } from 'node:crypto';
import type { Id } from './types.ts';

/** IDs are kept in pages: to grow, nothing is copied, and little stands empty. */
const pageEntries = 16_384;
const words = 8;

/** An ID as eight numbers of 32 bits, big-endian. */
export type IdWords = Uint32Array;

/** A list of IDs that are found again by what they are, in typed arrays: about 39 bytes each. */
export class IdTable {
  readonly #pages: Uint32Array[] = [];
  /**
   * Open addressing: the number plus one of the first of each ID; 0 is free, and at least a quarter always is. Who
   * writes an index may choose the IDs in it, so the hash has a key of its own: nobody can make them all meet.
   */
  #slots = new Uint32Array(4096);
  readonly #hashKey = randomFillSync(new Uint32Array(words));
  #size = 0;
  #distinct = 0;
  readonly #wanted = new Uint32Array(words);
  #wantedId: Id = '';
  #wantedHash = 0;

  get size(): number {
    return this.#size;
  }

  /** Appends, and gives its number, counted from 0. Of several that are the same only the first is found. */
  add(id: Id | IdWords): number {
    const number = this.#size;
    this.#want(id);
    const slot = this.#slotOfWanted();
    if (number % pageEntries === 0) this.#pages.push(new Uint32Array(pageEntries * words));
    this.#pages.at(-1)?.set(this.#wanted, (number % pageEntries) * words);
    this.#size += 1;
    if (this.#slots[slot] !== 0) return number;
    this.#slots[slot] = number + 1;
    this.#distinct += 1;
    if (this.#distinct > this.#slots.length * 0.75) this.#widen();
    return number;
  }

  /** The number of the first one; undefined where there is none. */
  find(id: Id | IdWords): number | undefined {
    this.#want(id);
    const entry = this.#slots[this.#slotOfWanted()] ?? 0;
    return entry === 0 ? undefined : entry - 1;
  }

  at(number: number): Id {
    let id = '';
    for (let word = 0; word < words; word += 1) id += this.#word(number, word).toString(16).padStart(8, '0');
    return id;
  }

  #want(id: Id | IdWords): void {
    if (typeof id !== 'string') {
      this.#wantedId = '';
      this.#wanted.set(id);
    } else {
      // Many ask for the same one several times in a row.
      if (id === this.#wantedId) return;
      this.#wantedId = id;
      for (let word = 0; word < words; word += 1) {
        let value = 0;
        for (let at = word * 8; at < word * 8 + 8; at += 1) value = (value << 4) | digit(id.charCodeAt(at));
        this.#wanted[word] = value;
      }
    }
    this.#wantedHash = this.#hash(this.#wanted, 0);
  }

  /** Where it is, or the free one where it would be. */
  #slotOfWanted(): number {
    for (let slot = slotOf(this.#wantedHash, this.#slots.length); ; slot = after(slot, this.#slots.length)) {
      const entry = this.#slots[slot] ?? 0;
      if (entry === 0 || this.#isWanted(entry - 1)) return slot;
    }
  }

  #isWanted(number: number): boolean {
    const page = this.#pages[Math.floor(number / pageEntries)];
    const from = (number % pageEntries) * words;
    for (let word = 0; word < words; word += 1) if (page?.[from + word] !== this.#wanted[word]) return false;
    return true;
  }

  #widen(): void {
    const before = this.#slots;
    const room = Math.floor(before.length * 1.5);
    const slots = new Uint32Array(room);
    for (const entry of before) {
      const page = this.#pages[Math.floor((entry - 1) / pageEntries)];
      if (page === undefined) continue;
      let slot = slotOf(this.#hash(page, ((entry - 1) % pageEntries) * words), room);
      while (slots[slot] !== 0) slot = after(slot, room);
      slots[slot] = entry;
    }
    this.#slots = slots;
    // Gives the memory back now: the collector would wait until there is more of it.
    before.buffer.transfer(0);
  }

  #hash(page: Uint32Array, from: number): number {
    let hash = 0;
    for (let word = 0; word < words; word += 1) {
      hash = Math.imul(hash ^ (page[from + word] ?? 0), (this.#hashKey[word] ?? 0) | 1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x9e3779b1);
    return hash >>> 0;
  }

  #word(number: number, word: number): number {
    return this.#pages[Math.floor(number / pageEntries)]?.[(number % pageEntries) * words + word] ?? 0;
  }
}

const slotOf = (hash: number, room: number): number => Math.floor((hash / 2 ** 32) * room);

const after = (slot: number, room: number): number => (slot + 1 === room ? 0 : slot + 1);

/** `0` to `9` end in their value; `a` to `f` in 1 to 6. */
const digit = (code: number): number => (code < 0x40 ? code : code + 9) & 15;
