import type { PackedBlob } from './pack.ts';
import type { BlobType, Id } from './types.ts';

/** Where a blob lies. */
export interface BlobLocation {
  pack: Id;
  offset: number;
  length: number;
  uncompressedLength: number;
}

const sealedOverhead = 32;

/**
 * All blobs of a repository, in typed arrays: about 60 bytes a blob, where a Map of strings would take several hundred.
 * Open addressing; the first four bytes of an ID are its hash, because it is one already. A blob that lies in several
 * packs has an entry for each, in the order added.
 */
export class BlobTable {
  #ids = Buffer.alloc(32 * 1024);
  #packOf = new Uint32Array(1024);
  #offsets = new Uint32Array(1024);
  #lengths = new Uint32Array(1024);
  #plainLengths = new Uint32Array(1024);
  #types = new Uint8Array(1024);
  /** Entry number plus one; 0 is free. At least half of it always is. */
  #slots = new Uint32Array(4096);
  #count = 0;
  readonly #packs: Id[] = [];
  /** For each pack where its last blob ends. */
  readonly #packEnds: number[] = [];
  readonly #packNumbers = new Map<Id, number>();

  get size(): number {
    return this.#count;
  }

  packs(): readonly Id[] {
    return this.#packs;
  }

  /** Where the last blob ends that is known of a pack, in bytes from its beginning; 0 for an unknown pack. */
  packEnd(pack: Id): number {
    const number = this.#packNumbers.get(pack);
    return number === undefined ? 0 : (this.#packEnds[number] ?? 0);
  }

  add(pack: Id, blob: PackedBlob): void {
    if (this.#count === this.#offsets.length) this.#grow();
    const at = this.#count;
    this.#ids.write(blob.id, at * 32, 'hex');
    const packNumber = this.#packNumber(pack);
    this.#packOf[at] = packNumber;
    this.#packEnds[packNumber] = Math.max(this.#packEnds[packNumber] ?? 0, blob.offset + blob.length);
    this.#offsets[at] = blob.offset;
    this.#lengths[at] = blob.length;
    this.#plainLengths[at] = blob.uncompressedLength;
    this.#types[at] = blob.type === 'tree' ? 1 : 0;
    this.#count += 1;
    this.#insert(at);
  }

  has(type: BlobType, id: Id): boolean {
    return this.rowOf(type, id) !== undefined;
  }

  /** Whether a pack has this very blob at this very place already: two index files may name one pack. */
  hasPlace(pack: Id, blob: PackedBlob): boolean {
    const packNumber = this.#packNumbers.get(pack);
    if (packNumber === undefined) return false;
    for (const at of this.#find(blob.type, blob.id))
      if (this.#packOf[at] === packNumber && this.#offsets[at] === blob.offset) return true;
    return false;
  }

  hasPack(pack: Id): boolean {
    return this.#packNumbers.has(pack);
  }

  /**
   * The number of a blob's first entry, from 0 to `size`: what sets and counts over millions of blobs go by. It stays
   * the same as entries are added.
   */
  rowOf(type: BlobType, id: Id): number | undefined {
    const wanted = Buffer.from(id, 'hex');
    return this.#search(type, wanted, wanted.readUInt32LE(0))?.at;
  }

  /** The first entry of the blob that this entry is one of. */
  firstRow(row: number): number {
    const wanted = this.#ids.subarray(row * 32, row * 32 + 32);
    return this.#search(this.#typeOf(row), wanted, wanted.readUInt32LE(0))?.at ?? row;
  }

  entry(row: number): PackedBlob & { pack: Id } {
    const { pack, ...place } = this.#location(row);
    return {
      ...place,
      pack,
      type: this.#typeOf(row),
      id: this.#ids.toString('hex', row * 32, row * 32 + 32),
    };
  }

  /** An entry without its texts: `packNumber` counts in `packs()`. */
  numbers(row: number): {
    packNumber: number;
    offset: number;
    length: number;
    isTree: boolean;
    isCompressed: boolean;
  } {
    return {
      packNumber: this.#packOf[row] ?? 0,
      offset: this.#offsets[row] ?? 0,
      length: this.#lengths[row] ?? 0,
      isTree: this.#types[row] === 1,
      isCompressed: (this.#plainLengths[row] ?? 0) > 0,
    };
  }

  /** Plaintext bytes; undefined for a blob that is not here. */
  plainSize(type: BlobType, id: Id): number | undefined {
    const at = this.rowOf(type, id);
    if (at === undefined) return undefined;
    const plain = this.#plainLengths[at] ?? 0;
    return plain > 0 ? plain : (this.#lengths[at] ?? 0) - sealedOverhead;
  }

  /** Every place the blob lies in. */
  *locations(type: BlobType, id: Id): Generator<BlobLocation, void, void> {
    for (const at of this.#find(type, id)) yield this.#location(at);
  }

  *entries(): Generator<PackedBlob & { pack: Id }, void, void> {
    for (let at = 0; at < this.#count; at += 1) yield this.entry(at);
  }

  #typeOf(row: number): BlobType {
    return this.#types[row] === 1 ? 'tree' : 'data';
  }

  #location(at: number): BlobLocation {
    return {
      pack: this.#packs[this.#packOf[at] ?? 0] ?? '',
      offset: this.#offsets[at] ?? 0,
      length: this.#lengths[at] ?? 0,
      uncompressedLength: this.#plainLengths[at] ?? 0,
    };
  }

  *#find(type: BlobType, id: Id): Generator<number, void, void> {
    const wanted = Buffer.from(id, 'hex');
    let found = this.#search(type, wanted, wanted.readUInt32LE(0));
    while (found) {
      yield found.at;
      found = this.#search(type, wanted, found.slot + 1);
    }
  }

  /** The next entry of a blob, from a slot on. */
  #search(type: BlobType, wanted: Buffer, from: number): { at: number; slot: number } | undefined {
    const typeNumber = type === 'tree' ? 1 : 0;
    const mask = this.#slots.length - 1;
    for (let slot = from & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? 0;
      if (entry === 0) return undefined;
      const at = entry - 1;
      if (this.#types[at] === typeNumber && wanted.compare(this.#ids, at * 32, at * 32 + 32) === 0)
        return { at, slot };
    }
  }

  #insert(at: number): void {
    const mask = this.#slots.length - 1;
    let slot = this.#ids.readUInt32LE(at * 32) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = at + 1;
  }

  #packNumber(pack: Id): number {
    const known = this.#packNumbers.get(pack);
    if (known !== undefined) return known;
    this.#packs.push(pack);
    this.#packNumbers.set(pack, this.#packs.length - 1);
    return this.#packs.length - 1;
  }

  #grow(): void {
    const room = this.#offsets.length * 2;
    const wider = (from: Uint32Array<ArrayBuffer>) => {
      const to = new Uint32Array(room);
      to.set(from);
      return to;
    };
    this.#packOf = wider(this.#packOf);
    this.#offsets = wider(this.#offsets);
    this.#lengths = wider(this.#lengths);
    this.#plainLengths = wider(this.#plainLengths);
    const types = new Uint8Array(room);
    types.set(this.#types);
    this.#types = types;
    const ids = Buffer.alloc(room * 32);
    this.#ids.copy(ids);
    this.#ids = ids;
    this.#slots = new Uint32Array(room * 4);
    for (let at = 0; at < this.#count; at += 1) this.#insert(at);
  }
}
