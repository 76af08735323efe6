import { createCipheriv } from 'node:crypto';

/** Pseudo-random numbers from a seed (mulberry32; long stretches are AES-CTR’s), so that a failing run can be had again. */
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
      const key = Buffer.from(Array.from({ length: 16 }, () => Math.floor(next() * 256)));
      return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(count));
    },
  };
}
