/**
 * restic's chunker once more, byte by byte, as its format is described: a window of 64 bytes that is really kept, no
 * skipping of anything but what restic skips, and tables made bit by bit. Slow, and nothing of it is ours in src.
 */
const windowBytes = 64;
const minBytes = 512 * 1024;
const maxBytes = 8 * 1024 * 1024;
const splitMask = (1 << 20) - 1;
const degree = 53n;

export interface ReferenceTables {
  /** Of 53 to 61 bits, in two halves. */
  outHigh: Int32Array;
  outLow: Int32Array;
  modHigh: Int32Array;
  modLow: Int32Array;
}

export function referenceTables(polynomial: bigint): ReferenceTables {
  const tables = {
    outHigh: new Int32Array(256),
    outLow: new Int32Array(256),
    modHigh: new Int32Array(256),
    modLow: new Int32Array(256),
  };
  for (let byte = 0; byte < 256; byte += 1) {
    let out = append(0n, BigInt(byte), polynomial);
    for (let zero = 1; zero < windowBytes; zero += 1) out = append(out, 0n, polynomial);
    const top = BigInt(byte) << degree;
    const mod = reduce(top, polynomial) | top;
    tables.outHigh[byte] = Number(out >> 32n);
    tables.outLow[byte] = Number(BigInt.asIntN(32, out));
    tables.modHigh[byte] = Number(mod >> 32n);
    tables.modLow[byte] = Number(BigInt.asIntN(32, mod));
  }
  return tables;
}

const append = (digest: bigint, byte: bigint, polynomial: bigint): bigint =>
  reduce((digest << 8n) | byte, polynomial);

function reduce(value: bigint, polynomial: bigint): bigint {
  let rest = value;
  for (let bit = 63n; bit >= degree; bit -= 1n) if ((rest >> bit) & 1n) rest ^= polynomial << (bit - degree);
  return rest;
}

/** The lengths of the chunks. */
export function referenceCuts(content: Uint8Array, tables: ReferenceTables): number[] {
  const { outHigh, outLow, modHigh, modLow } = tables;
  const lengths: number[] = [];
  const window = new Uint8Array(windowBytes);
  let start = 0;
  while (start < content.length) {
    window.fill(0);
    let at = 0;
    let high = 0;
    let low = 0;
    // Before the first byte that is not skipped a 1 goes in, which is no byte of the content.
    let count = minBytes - windowBytes - 1;
    let cut = content.length - start;
    let byte = 1;
    for (let next = start + count + 1; ; next += 1) {
      const leaving = window[at] ?? 0;
      window[at] = byte;
      at = (at + 1) % windowBytes;
      high ^= outHigh[leaving] ?? 0;
      low ^= outLow[leaving] ?? 0;
      const index = (high >>> 13) & 0xff;
      high = ((high << 8) | (low >>> 24)) ^ (modHigh[index] ?? 0);
      low = ((low << 8) | byte) ^ (modLow[index] ?? 0);
      count += 1;
      if (count >= minBytes && ((low & splitMask) === 0 || count >= maxBytes)) {
        cut = count;
        break;
      }
      if (next >= content.length) break;
      byte = content[next] ?? 0;
    }
    lengths.push(cut);
    start += cut;
  }
  return lengths;
}

/** The digest of 64 bytes, bit by bit. */
export function fingerprint(window: Uint8Array, polynomial: bigint): bigint {
  return window.reduce((digest, byte) => append(digest, BigInt(byte), polynomial), 0n);
}
