import { IdTable, type IdWords } from './id-table.ts';
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

export type NewEntry = Omit<PackedBlob, 'id'> & { id: Id | IdWords };

/** Numbers are kept in pages: to grow, nothing is copied, and little stands empty. */
const pageEntries = 16_384;
/** Of each blob: its pack's number and type, offset, length, plaintext length. */
const fields = 4;

/**
 * All blobs of a repository in typed arrays, under 60 bytes each, where a Map of strings would take several hundred. A
 * blob that lies in several packs has an entry for each, in the order added; the same place is never kept twice.
 */
export class BlobTable {
  readonly #blobs = new IdTable();
  /** By the first entry of an ID: the others of it, for the few that there are. */
  readonly #others = new Map<number, number[]>();
  readonly #pages: Uint32Array[] = [];
  readonly #packs = new IdTable();
  /** For each pack where its last blob ends. */
  readonly #packEnds: number[] = [];

  get size(): number {
    return this.#blobs.size;
  }

  get packCount(): number {
    return this.#packs.size;
  }

  packs(): Id[] {
    return Array.from({ length: this.#packs.size }, (_, at) => this.#packs.at(at));
  }

  packAt(packNumber: number): Id {
    return this.#packs.at(packNumber);
  }

  hasPack(pack: Id): boolean {
    return this.#packs.find(pack) !== undefined;
  }

  /** Where the last blob ends that is known of a pack, in bytes from its beginning; 0 for an unknown pack. */
  packEnd(pack: Id): number {
    return this.#packEnds[this.#packs.find(pack) ?? -1] ?? 0;
  }

  add(pack: Id, { id, type, offset, length, uncompressedLength }: NewEntry): void {
    const packNumber = this.#packs.find(pack) ?? this.#packs.add(pack);
    this.#packEnds[packNumber] = Math.max(this.#packEnds[packNumber] ?? 0, offset + length);
    const packAndType = packNumber * 2 + typeNumber(type);
    const first = this.#blobs.find(id);
    if (first !== undefined && this.#isKnown(first, packAndType, offset)) return;
    const at = this.#blobs.add(id);
    if (first !== undefined) {
      const others = this.#others.get(first);
      if (others) others.push(at);
      else this.#others.set(first, [at]);
    }
    if (at % pageEntries === 0) this.#pages.push(new Uint32Array(pageEntries * fields));
    const page = this.#pages.at(-1);
    const from = (at % pageEntries) * fields;
    if (page === undefined) return;
    page[from] = packAndType;
    page[from + 1] = offset;
    page[from + 2] = length;
    page[from + 3] = uncompressedLength;
  }

  has(type: BlobType, id: Id): boolean {
    return this.rowOf(type, id) !== undefined;
  }

  /** Plaintext bytes; undefined for a blob that is not here. */
  plainSize(type: BlobType, id: Id): number | undefined {
    const at = this.rowOf(type, id);
    if (at === undefined) return undefined;
    const plain = this.#number(at, 3);
    return plain > 0 ? plain : this.#number(at, 2) - sealedOverhead;
  }

  /** Every place the blob lies in. */
  *locations(type: BlobType, id: Id): Generator<BlobLocation, void, void> {
    for (const at of this.#rowsOf(id)) if (this.#isOf(at, type)) yield this.#location(at);
  }

  *entries(): Generator<PackedBlob & { pack: Id }, void, void> {
    for (let at = 0; at < this.size; at += 1) yield this.entry(at);
  }

  /**
   * The number of a blob's first entry, from 0 to `size`: what sets and counts over millions of blobs go by. It stays
   * the same as entries are added.
   */
  rowOf(type: BlobType, id: Id): number | undefined {
    const first = this.#blobs.find(id);
    if (first === undefined || this.#isOf(first, type)) return first;
    return this.#others.get(first)?.find((at) => this.#isOf(at, type));
  }

  /** The first entry of the blob that this entry is one of. */
  firstRow(row: number): number {
    return this.rowOf(this.#isOf(row, 'tree') ? 'tree' : 'data', this.#blobs.at(row)) ?? row;
  }

  entry(row: number): PackedBlob & { pack: Id } {
    return { ...this.#blob(row), pack: this.#packs.at(this.packNumberAt(row)) };
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
      packNumber: this.packNumberAt(row),
      offset: this.#number(row, 1),
      length: this.#number(row, 2),
      isTree: this.#isOf(row, 'tree'),
      isCompressed: this.#number(row, 3) > 0,
    };
  }

  packNumberAt(row: number): number {
    return this.#number(row, 0) >>> 1;
  }

  /** Gives the blobs of any pack, by its number; costs four bytes a blob as long as it is kept. */
  byPack(): (packNumber: number) => PackedBlob[] {
    const ends = new Uint32Array(this.packCount + 1);
    for (let at = 0; at < this.size; at += 1)
      ends[this.packNumberAt(at)] = (ends[this.packNumberAt(at)] ?? 0) + 1;
    let sum = 0;
    for (let pack = 0; pack < ends.length; pack += 1) ends[pack] = sum += ends[pack] ?? 0;
    const starts = ends.slice();
    const sorted = new Uint32Array(this.size);
    for (let at = this.size - 1; at >= 0; at -= 1) {
      const pack = this.packNumberAt(at);
      starts[pack] = (starts[pack] ?? 0) - 1;
      sorted[starts[pack] ?? 0] = at;
    }
    return (pack) => Array.from(sorted.subarray(starts[pack], ends[pack]), (at) => this.#blob(at));
  }

  *#rowsOf(id: Id): Generator<number, void, void> {
    const first = this.#blobs.find(id);
    if (first === undefined) return;
    yield first;
    yield* this.#others.get(first) ?? [];
  }

  /** Of very many places only the last ones are looked at: who made them up shall not cost time. */
  #isKnown(first: number, packAndType: number, offset: number): boolean {
    return [first, ...(this.#others.get(first) ?? []).slice(-8)].some(
      (at) => this.#number(at, 0) === packAndType && this.#number(at, 1) === offset,
    );
  }

  #blob(at: number): PackedBlob {
    return {
      id: this.#blobs.at(at),
      type: this.#isOf(at, 'tree') ? 'tree' : 'data',
      offset: this.#number(at, 1),
      length: this.#number(at, 2),
      uncompressedLength: this.#number(at, 3),
    };
  }

  #location(at: number): BlobLocation {
    return {
      pack: this.#packs.at(this.packNumberAt(at)),
      offset: this.#number(at, 1),
      length: this.#number(at, 2),
      uncompressedLength: this.#number(at, 3),
    };
  }

  #isOf(at: number, type: BlobType): boolean {
    return this.#number(at, 0) % 2 === typeNumber(type);
  }

  #number(at: number, field: number): number {
    return this.#pages[Math.floor(at / pageEntries)]?.[(at % pageEntries) * fields + field] ?? 0;
  }
}

const typeNumber = (type: BlobType): number => (type === 'tree' ? 1 : 0);
