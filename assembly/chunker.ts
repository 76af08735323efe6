/*
 * The chunker's inner loop: a Rabin fingerprint over 64 bytes, rolled over the input until its low 20 bits are zero.
 *
 * A fingerprint depends on its 64 bytes alone, so sixteen stretches of the input are rolled side by side, one in each
 * byte of a vector. What a roll does to a fingerprint is linear over GF(2): a table of 256 numbers is the sum of two of
 * 16, by the halves of its index, and to look up sixteen bytes in one of those is a single instruction.
 *
 * The sixteen fingerprints, moved up by three bits so that their top eight bits are a byte, lie in seven planes: plane 0
 * holds the lowest byte of each. To multiply by x^8 is then to call plane 0 plane 1.
 */

/** Two tables of 256 numbers, written from outside: what a leaving byte takes away, and what the top byte becomes. */
const leavingTable: usize = 0x400;
const topTable: usize = 0xc00;
/** The same for the planes: for each of them 16 bytes by the low half of an index and 16 by its high half. */
const leavingPlanes: usize = 0x1400;
const topPlanes: usize = 0x1500;
/** The bytes in the windows, sixteen abreast, as low halves and high halves. */
const windows: usize = 0x1600;
/** A block of input, turned so that what is rolled at the same time stands together. */
const turned: usize = 0x1e00;
/** For each stretch the block that it first met a cut in, or 0. */
const met: usize = 0x1f00;

const planeCount: i32 = 7;
const degree: u64 = 53;
const windowBytes: usize = 64;
const splitMask: u32 = (1 << 20) - 1;
const topShift: u64 = 45;
const laneCount: usize = 16;
/** As many as are turned at once, and rolled before anybody looks. */
const blockBytes: usize = 16;
/**
 * Long enough to warm up for, short enough that little is rolled in vain behind a cut; and no multiple of 4096, by which
 * all sixteen places would fall into the same few lines of the cache.
 */
const stretchBytes: usize = 4096 + 64;
/** Shorter ones are not worth their warming up. */
const leastStretchBytes: usize = 512;

/** To be called once the tables are there. */
export function prepare(): void {
  for (let plane = 0; plane < planeCount; plane++) {
    for (let half = 0; half < 16; half++) {
      const at = <usize>(plane * 32 + half);
      store<u8>(leavingPlanes + at, planeOf(leavingTable, half, plane));
      store<u8>(leavingPlanes + at + 16, planeOf(leavingTable, half << 4, plane));
      store<u8>(topPlanes + at, planeOf(topTable, half, plane));
      store<u8>(topPlanes + at + 16, planeOf(topTable, half << 4, plane));
    }
  }
}

function planeOf(table: usize, index: i32, plane: i32): u8 {
  const number = load<u64>(table + (<usize>index << 3)) & (((<u64>1) << degree) - 1);
  return <u8>((number << 3) >> (<u64>plane * 8));
}

// @ts-ignore: decorator
@inline
function roll(digest: u64, entering: u64): u64 {
  return (digest << 8) ^ load<u64>(topTable + (<usize>(digest >> topShift) << 3)) ^ entering;
}

/** What the byte at `at` brings, and what the one that leaves for it takes away. */
// @ts-ignore: decorator
@inline
function change(at: usize): u64 {
  return load<u64>(leavingTable + (<usize>load<u8>(at - windowBytes) << 3)) ^ <u64>load<u8>(at);
}

// @ts-ignore: decorator
@inline
function isCut(digest: u64): bool {
  return (<u32>digest & splitMask) == 0;
}

/** The fingerprint of the 64 bytes before `at`. */
function fingerprint(at: usize): u64 {
  let digest: u64 = 0;
  for (let each = at - windowBytes; each < at; each++) digest = roll(digest, <u64>load<u8>(each));
  return digest;
}

/**
 * The first place in [from, to] where a chunk may end, as the address behind its last byte; 0 where there is none.
 * The 64 bytes before `from` must be there.
 */
export function findCut(from: usize, to: usize): usize {
  if (isCut(fingerprint(from))) return from;
  let at = from;
  while (to - at >= laneCount * leastStretchBytes) {
    const length = min(((to - at) / laneCount) & ~(blockBytes - 1), stretchBytes);
    const found = sixteenStretches(at, length);
    if (found != 0) return found;
    at += laneCount * length;
  }
  return oneStretch(at, to);
}

function oneStretch(from: usize, to: usize): usize {
  let digest = fingerprint(from);
  for (let at = from; at < to; at++) {
    digest = roll(digest, change(at));
    if (isCut(digest)) return at + 1;
  }
  return 0;
}

/** As `oneStretch` does for all of them. */
function sixteenStretches(from: usize, length: usize): usize {
  memory.fill(met, 0, laneCount * 4);
  const half = i8x16.splat(0x0f);
  const splitTop = i8x16.splat(0x7f);
  let plane0 = i64x2.splat(0);
  let plane1 = i64x2.splat(0);
  let plane2 = i64x2.splat(0);
  let plane3 = i64x2.splat(0);
  let plane4 = i64x2.splat(0);
  let plane5 = i64x2.splat(0);
  let plane6 = i64x2.splat(0);

  // The windows fill: nothing leaves them yet.
  for (let before: usize = windowBytes; before > 0; before -= blockBytes) {
    turn(from - before, length);
    let window = windows + ((windowBytes - before) << 5);
    for (let each: usize = 0; each < blockBytes; each++) {
      const entering = v128.load(turned + (each << 4));
      const enteringLow = v128.and(entering, half);
      const enteringHigh = v128.and(i16x8.shr_u(entering, 4), half);
      v128.store(window, enteringLow);
      v128.store(window, enteringHigh, 16);
      window += 32;
      const topLow = v128.and(plane6, half);
      const topHigh = v128.and(i16x8.shr_u(plane6, 4), half);
      plane6 = v128.xor(plane5, lookUp(topPlanes, 6, topLow, topHigh));
      plane5 = v128.xor(plane4, lookUp(topPlanes, 5, topLow, topHigh));
      plane4 = v128.xor(plane3, lookUp(topPlanes, 4, topLow, topHigh));
      plane3 = v128.xor(plane2, lookUp(topPlanes, 3, topLow, topHigh));
      plane2 = v128.xor(plane1, lookUp(topPlanes, 2, topLow, topHigh));
      plane1 = v128.xor(enteringNext(enteringHigh), v128.xor(plane0, lookUp(topPlanes, 1, topLow, topHigh)));
      plane0 = v128.xor(enteringBottom(enteringLow, enteringHigh), lookUp(topPlanes, 0, topLow, topHigh));
    }
  }

  for (let at: usize = 0; at < length; at += blockBytes) {
    turn(from + at, length);
    let window = windows + ((at & (windowBytes - 1)) << 5);
    let least = i8x16.splat(-1);
    for (let each: usize = 0; each < blockBytes; each++) {
      const entering = v128.load(turned + (each << 4));
      const enteringLow = v128.and(entering, half);
      const enteringHigh = v128.and(i16x8.shr_u(entering, 4), half);
      const leavingLow = v128.load(window);
      const leavingHigh = v128.load(window, 16);
      v128.store(window, enteringLow);
      v128.store(window, enteringHigh, 16);
      window += 32;
      const topLow = v128.and(plane6, half);
      const topHigh = v128.and(i16x8.shr_u(plane6, 4), half);
      plane6 = v128.xor(plane5, v128.xor(lookUp(topPlanes, 6, topLow, topHigh), lookUp(leavingPlanes, 6, leavingLow, leavingHigh)));
      plane5 = v128.xor(plane4, v128.xor(lookUp(topPlanes, 5, topLow, topHigh), lookUp(leavingPlanes, 5, leavingLow, leavingHigh)));
      plane4 = v128.xor(plane3, v128.xor(lookUp(topPlanes, 4, topLow, topHigh), lookUp(leavingPlanes, 4, leavingLow, leavingHigh)));
      plane3 = v128.xor(plane2, v128.xor(lookUp(topPlanes, 3, topLow, topHigh), lookUp(leavingPlanes, 3, leavingLow, leavingHigh)));
      plane2 = v128.xor(plane1, v128.xor(lookUp(topPlanes, 2, topLow, topHigh), lookUp(leavingPlanes, 2, leavingLow, leavingHigh)));
      plane1 = v128.xor(enteringNext(enteringHigh), v128.xor(plane0, v128.xor(lookUp(topPlanes, 1, topLow, topHigh), lookUp(leavingPlanes, 1, leavingLow, leavingHigh))));
      plane0 = v128.xor(enteringBottom(enteringLow, enteringHigh), v128.xor(lookUp(topPlanes, 0, topLow, topHigh), lookUp(leavingPlanes, 0, leavingLow, leavingHigh)));
      // Zero where the low 20 bits, which stand three bits higher here, are.
      const split = v128.or(v128.or(plane0, plane1), v128.and(plane2, splitTop));
      least = i8x16.min_u(least, split);
    }
    if (i8x16.all_true(least)) continue;
    meet(least, at);
    // Nothing in another stretch comes before it.
    if (load<u32>(met) != 0) break;
  }
  return firstMet(from, length);
}

/** Remembers for each stretch the first block with a cut in it. */
function meet(least: v128, at: usize): void {
  let lanes = i8x16.bitmask(i8x16.eq(least, i8x16.splat(0)));
  while (lanes != 0) {
    const slot = met + ((<usize>ctz(lanes)) << 2);
    if (load<u32>(slot) == 0) store<u32>(slot, <u32>at + 1);
    lanes &= lanes - 1;
  }
}

function firstMet(from: usize, length: usize): usize {
  for (let lane: usize = 0; lane < laneCount; lane++) {
    const block = <usize>load<u32>(met + (lane << 2));
    if (block == 0) continue;
    const at = from + lane * length + block - 1;
    return oneStretch(at, at + blockBytes);
  }
  return 0;
}

/** Sixteen lookups in a plane's table, by the halves of the indexes. */
// @ts-ignore: decorator
@inline
function lookUp(table: usize, plane: usize, low: v128, high: v128): v128 {
  return v128.xor(
    v128.relaxed_swizzle(v128.load(table + plane * 32), low),
    v128.relaxed_swizzle(v128.load(table + plane * 32 + 16), high),
  );
}

/** The part of a byte, moved up by three bits, that falls into plane 0. */
// @ts-ignore: decorator
@inline
function enteringBottom(low: v128, high: v128): v128 {
  return v128.or(i16x8.shl(low, 3), i16x8.shl(v128.and(high, i8x16.splat(1)), 7));
}

/** And the part that falls into plane 1. */
// @ts-ignore: decorator
@inline
function enteringNext(high: v128): v128 {
  return i16x8.shr_u(v128.and(high, i8x16.splat(0x0e)), 1);
}

/** Sixteen bytes each of sixteen places become sixteen vectors of one byte from each place, in `turned`. */
function turn(at: usize, apart: usize): void {
  const row0 = v128.load(at + 0 * apart);
  const row1 = v128.load(at + 1 * apart);
  const row2 = v128.load(at + 2 * apart);
  const row3 = v128.load(at + 3 * apart);
  const row4 = v128.load(at + 4 * apart);
  const row5 = v128.load(at + 5 * apart);
  const row6 = v128.load(at + 6 * apart);
  const row7 = v128.load(at + 7 * apart);
  const row8 = v128.load(at + 8 * apart);
  const row9 = v128.load(at + 9 * apart);
  const row10 = v128.load(at + 10 * apart);
  const row11 = v128.load(at + 11 * apart);
  const row12 = v128.load(at + 12 * apart);
  const row13 = v128.load(at + 13 * apart);
  const row14 = v128.load(at + 14 * apart);
  const row15 = v128.load(at + 15 * apart);
  const once0 = lower(row0, row8);
  const once1 = upper(row0, row8);
  const once2 = lower(row1, row9);
  const once3 = upper(row1, row9);
  const once4 = lower(row2, row10);
  const once5 = upper(row2, row10);
  const once6 = lower(row3, row11);
  const once7 = upper(row3, row11);
  const once8 = lower(row4, row12);
  const once9 = upper(row4, row12);
  const once10 = lower(row5, row13);
  const once11 = upper(row5, row13);
  const once12 = lower(row6, row14);
  const once13 = upper(row6, row14);
  const once14 = lower(row7, row15);
  const once15 = upper(row7, row15);
  const twice0 = lower(once0, once8);
  const twice1 = upper(once0, once8);
  const twice2 = lower(once1, once9);
  const twice3 = upper(once1, once9);
  const twice4 = lower(once2, once10);
  const twice5 = upper(once2, once10);
  const twice6 = lower(once3, once11);
  const twice7 = upper(once3, once11);
  const twice8 = lower(once4, once12);
  const twice9 = upper(once4, once12);
  const twice10 = lower(once5, once13);
  const twice11 = upper(once5, once13);
  const twice12 = lower(once6, once14);
  const twice13 = upper(once6, once14);
  const twice14 = lower(once7, once15);
  const twice15 = upper(once7, once15);
  const thrice0 = lower(twice0, twice8);
  const thrice1 = upper(twice0, twice8);
  const thrice2 = lower(twice1, twice9);
  const thrice3 = upper(twice1, twice9);
  const thrice4 = lower(twice2, twice10);
  const thrice5 = upper(twice2, twice10);
  const thrice6 = lower(twice3, twice11);
  const thrice7 = upper(twice3, twice11);
  const thrice8 = lower(twice4, twice12);
  const thrice9 = upper(twice4, twice12);
  const thrice10 = lower(twice5, twice13);
  const thrice11 = upper(twice5, twice13);
  const thrice12 = lower(twice6, twice14);
  const thrice13 = upper(twice6, twice14);
  const thrice14 = lower(twice7, twice15);
  const thrice15 = upper(twice7, twice15);
  const column0 = lower(thrice0, thrice8);
  const column1 = upper(thrice0, thrice8);
  const column2 = lower(thrice1, thrice9);
  const column3 = upper(thrice1, thrice9);
  const column4 = lower(thrice2, thrice10);
  const column5 = upper(thrice2, thrice10);
  const column6 = lower(thrice3, thrice11);
  const column7 = upper(thrice3, thrice11);
  const column8 = lower(thrice4, thrice12);
  const column9 = upper(thrice4, thrice12);
  const column10 = lower(thrice5, thrice13);
  const column11 = upper(thrice5, thrice13);
  const column12 = lower(thrice6, thrice14);
  const column13 = upper(thrice6, thrice14);
  const column14 = lower(thrice7, thrice15);
  const column15 = upper(thrice7, thrice15);
  v128.store(turned, column0, 0);
  v128.store(turned, column1, 16);
  v128.store(turned, column2, 32);
  v128.store(turned, column3, 48);
  v128.store(turned, column4, 64);
  v128.store(turned, column5, 80);
  v128.store(turned, column6, 96);
  v128.store(turned, column7, 112);
  v128.store(turned, column8, 128);
  v128.store(turned, column9, 144);
  v128.store(turned, column10, 160);
  v128.store(turned, column11, 176);
  v128.store(turned, column12, 192);
  v128.store(turned, column13, 208);
  v128.store(turned, column14, 224);
  v128.store(turned, column15, 240);
}

// @ts-ignore: decorator
@inline
function lower(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// @ts-ignore: decorator
@inline
function upper(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
