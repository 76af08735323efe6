/** Pseudo-random numbers from a seed (mulberry32), so that a failing run can be had again. */
export function seeded(seed: number): {
  next(): number;
  int(below: number): number;
  bytes(count: number): Buffer;
} {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    int: (below) => Math.floor(next() * below),
    bytes: (count) => {
      const bytes = Buffer.alloc(count);
      for (let at = 0; at + 4 <= count; at += 4) bytes.writeUInt32LE(Math.floor(next() * 2 ** 32), at);
      for (let at = count - (count % 4); at < count; at += 1) bytes[at] = Math.floor(next() * 256);
      return bytes;
    },
  };
}
