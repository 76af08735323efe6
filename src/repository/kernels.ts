import { chunkerWasm, poly1305Wasm } from './kernel-binaries.ts';

/** The loops that JavaScript is too slow for, compiled from assembly/*.ts; how they work is told there. */

const pageBytes = 65_536;
/** Where callers' bytes begin in a kernel's memory; below lie its tables. */
const dataAt = pageBytes;

interface ChunkerKernel {
  prepare(): void;
  findCut(from: number, to: number): number;
}

/** A buffer in which the places are found where a chunk may end. */
export interface CutFinder {
  /** To be filled from outside. */
  readonly buffer: Buffer;
  /**
   * The first offset in [from, to] that a chunk may end at, or undefined. It depends on the 64 bytes before it alone,
   * which must be there for `from` too.
   */
  find(from: number, to: number): number | undefined;
}

/** `leaving` and `top`: 256 numbers of 64 bits each. */
export function createCutFinder(
  sizeBytes: number,
  tables: { leaving: BigUint64Array<ArrayBuffer>; top: BigUint64Array<ArrayBuffer> },
): CutFinder {
  const { memory, exports } = instantiate(chunkerWasm, dataAt + sizeBytes);
  // oxlint-disable-next-line no-unsafe-type-assertion -- what the program exports stands in assembly/chunker.ts.
  const kernel = exports as ChunkerKernel;
  memory.set(new Uint8Array(tables.leaving.buffer), 0x400);
  memory.set(new Uint8Array(tables.top.buffer), 0xc00);
  kernel.prepare();
  return {
    buffer: Buffer.from(memory.buffer, dataAt, sizeBytes),
    find(from, to) {
      const cut = kernel.findCut(dataAt + from, dataAt + to);
      return cut === 0 ? undefined : cut - dataAt;
    },
  };
}

interface Poly1305Kernel {
  begin(): void;
  update(at: number, length: number): void;
  finish(at: number, length: number): void;
}

/** What is copied into the kernel's memory at once: few enough bytes to stay in the processor's nearest caches. */
const pieceBytes = 64 * 1024;
export const poly1305KeyBytes = 32;
const tagAt = 0x20;
const tagBytes = 16;

let poly1305: { memory: Uint8Array<ArrayBuffer>; kernel: Poly1305Kernel } | undefined;

/** The tag of a message (RFC 8439, 2.5). The key is for this one message: r, not clamped yet, and s. */
export function poly1305Tag(key: Uint8Array, message: Uint8Array): Buffer {
  poly1305 ??= startPoly1305();
  const { memory, kernel } = poly1305;
  memory.set(key.subarray(0, poly1305KeyBytes), 0);
  kernel.begin();
  for (let at = 0; ; at += pieceBytes) {
    const piece = message.subarray(at, at + pieceBytes);
    const wholeBlocks = piece.length - (piece.length % 16);
    memory.set(piece, dataAt);
    kernel.update(dataAt, wholeBlocks);
    if (piece.length === pieceBytes) continue;
    kernel.finish(dataAt + wholeBlocks, piece.length - wholeBlocks);
    return Buffer.from(memory.slice(tagAt, tagAt + tagBytes));
  }
}

function startPoly1305(): { memory: Uint8Array<ArrayBuffer>; kernel: Poly1305Kernel } {
  const { memory, exports } = instantiate(poly1305Wasm, dataAt + pieceBytes);
  // oxlint-disable-next-line no-unsafe-type-assertion -- what the program exports stands in assembly/poly1305.ts.
  return { memory, kernel: exports as Poly1305Kernel };
}

function instantiate(
  base64: string,
  sizeBytes: number,
): { memory: Uint8Array<ArrayBuffer>; exports: unknown } {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(sizeBytes / pageBytes) });
  const module = new WebAssembly.Module(Buffer.from(base64, 'base64'));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return { memory: new Uint8Array(memory.buffer), exports };
}

/** What we use of a global whose types come with those of browsers only. */
declare const WebAssembly: {
  Module: new (binary: Uint8Array) => object;
  Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer };
  Instance: new (module: object, imports: { env: { memory: object } }) => { readonly exports: unknown };
};
