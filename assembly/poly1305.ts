/*
 * Poly1305 (RFC 8439, 2.5): the message's blocks of 16 bytes as coefficients of a polynomial modulo 2^130 - 5, worked
 * out at the key's r. Numbers are kept as five limbs of 26 bits. Four blocks are worked on side by side, each lane
 * multiplied by r^4; at the end of a stretch the lanes are weighed with r^4, r^3, r^2 and r, and added up.
 */

/** Written from outside: r and what is added at the end, 16 bytes each. */
const key: usize = 0x00;
/** Read from outside. */
const tag: usize = 0x20;
const r1: usize = 0x40;
const r2: usize = 0x60;
const r3: usize = 0x80;
const r4: usize = 0xa0;
const sum: usize = 0xc0;
const lastBlock: usize = 0xe0;

const limbMask: u32 = 0x3ffffff;
const blockBytes: usize = 16;
const groupBytes: usize = 64;

export function begin(): void {
  const a = load<u32>(key, 0);
  const b = load<u32>(key, 4);
  const c = load<u32>(key, 8);
  const d = load<u32>(key, 12);
  // The bits of r that the RFC has cleared.
  setLimbs(
    r1,
    a & 0x3ffffff,
    ((a >> 26) | (b << 6)) & 0x3ffff03,
    ((b >> 20) | (c << 12)) & 0x3ffc0ff,
    ((c >> 14) | (d << 18)) & 0x3f03fff,
    (d >> 8) & 0x00fffff,
  );
  multiply(r2, r1, r1);
  multiply(r3, r2, r1);
  multiply(r4, r3, r1);
  memory.fill(sum, 0, 32);
}

/** Takes whole blocks: `length` is a multiple of 16. */
export function update(at: usize, length: usize): void {
  const groups = length / groupBytes;
  if (groups > 0) addGroups(at, groups);
  const end = at + length;
  for (let block = at + groups * groupBytes; block < end; block += blockBytes) addBlock(block, 1 << 24);
}

/** Takes the last bytes, fewer than 16, and writes the tag. */
export function finish(at: usize, length: usize): void {
  if (length > 0) {
    memory.fill(lastBlock, 0, blockBytes);
    memory.copy(lastBlock, at, length);
    store<u8>(lastBlock + length, 1);
    addBlock(lastBlock, 0);
  }
  writeTag();
}

function setLimbs(at: usize, a: u32, b: u32, c: u32, d: u32, e: u32): void {
  store<u32>(at, a, 0);
  store<u32>(at, b, 4);
  store<u32>(at, c, 8);
  store<u32>(at, d, 12);
  store<u32>(at, e, 16);
}

function addBlock(at: usize, top: u32): void {
  const a = load<u32>(at, 0);
  const b = load<u32>(at, 4);
  const c = load<u32>(at, 8);
  const d = load<u32>(at, 12);
  setLimbs(
    sum,
    load<u32>(sum, 0) + (a & limbMask),
    load<u32>(sum, 4) + (((a >> 26) | (b << 6)) & limbMask),
    load<u32>(sum, 8) + (((b >> 20) | (c << 12)) & limbMask),
    load<u32>(sum, 12) + (((c >> 14) | (d << 18)) & limbMask),
    load<u32>(sum, 16) + ((d >> 8) | top),
  );
  multiply(sum, sum, r1);
}

/** 2^130 is 5: what stands above the fifth limb comes back at the bottom five times. */
function multiply(product: usize, x: usize, y: usize): void {
  const x0 = <u64>load<u32>(x, 0);
  const x1 = <u64>load<u32>(x, 4);
  const x2 = <u64>load<u32>(x, 8);
  const x3 = <u64>load<u32>(x, 12);
  const x4 = <u64>load<u32>(x, 16);
  const y0 = <u64>load<u32>(y, 0);
  const y1 = <u64>load<u32>(y, 4);
  const y2 = <u64>load<u32>(y, 8);
  const y3 = <u64>load<u32>(y, 12);
  const y4 = <u64>load<u32>(y, 16);
  setReduced(
    product,
    x0 * y0 + 5 * (x1 * y4 + x2 * y3 + x3 * y2 + x4 * y1),
    x0 * y1 + x1 * y0 + 5 * (x2 * y4 + x3 * y3 + x4 * y2),
    x0 * y2 + x1 * y1 + x2 * y0 + 5 * (x3 * y4 + x4 * y3),
    x0 * y3 + x1 * y2 + x2 * y1 + x3 * y0 + 5 * x4 * y4,
    x0 * y4 + x1 * y3 + x2 * y2 + x3 * y1 + x4 * y0,
  );
}

function setReduced(at: usize, a: u64, b: u64, c: u64, d: u64, e: u64): void {
  b += a >> 26;
  c += b >> 26;
  d += c >> 26;
  e += d >> 26;
  const low = (a & limbMask) + 5 * (e >> 26);
  setLimbs(
    at,
    <u32>(low & limbMask),
    <u32>((b & limbMask) + (low >> 26)),
    <u32>(c & limbMask),
    <u32>(d & limbMask),
    <u32>(e & limbMask),
  );
}

// @ts-ignore: decorator
@inline
function low(x: v128, y: v128): v128 {
  return i64x2.extmul_low_i32x4_u(x, y);
}

// @ts-ignore: decorator
@inline
function high(x: v128, y: v128): v128 {
  return i64x2.extmul_high_i32x4_u(x, y);
}

// @ts-ignore: decorator
@inline
function add5(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  return i64x2.add(i64x2.add(i64x2.add(a, b), i64x2.add(c, d)), e);
}

// @ts-ignore: decorator
@inline
function carryTo(next: v128, limb: v128): v128 {
  return i64x2.add(next, i64x2.shr_u(limb, 26));
}

// @ts-ignore: decorator
@inline
function carryAround(first: v128, last: v128): v128 {
  const carry = i64x2.shr_u(last, 26);
  return i64x2.add(first, i64x2.add(carry, i64x2.shl(carry, 2)));
}

// @ts-ignore: decorator
@inline
function join(low: v128, high: v128): v128 {
  return v128.shuffle<u32>(low, high, 0, 2, 4, 6);
}

/** One limb of r^4, r^3, r^2 and r: what the four lanes are weighed with at the end. */
function weights(limb: usize): v128 {
  const first = i32x4.splat(load<u32>(r4 + limb));
  const second = i32x4.replace_lane(first, 1, load<u32>(r3 + limb));
  const third = i32x4.replace_lane(second, 2, load<u32>(r2 + limb));
  return i32x4.replace_lane(third, 3, load<u32>(r1 + limb));
}

// @ts-ignore: decorator
@inline
function addUp(lanes: v128): u64 {
  return (
    <u64>i32x4.extract_lane(lanes, 0) +
    <u64>i32x4.extract_lane(lanes, 1) +
    <u64>i32x4.extract_lane(lanes, 2) +
    <u64>i32x4.extract_lane(lanes, 3)
  );
}

function addGroups(at: usize, groups: usize): void {
  const mask = i32x4.splat(limbMask);
  const mask64 = i64x2.splat(limbMask);
  const top = i32x4.splat(1 << 24);
  const five = i32x4.splat(5);
  // What there is so far goes into the lane of the first block.
  const none = i32x4.splat(0);
  let h0 = i32x4.replace_lane(none, 0, load<u32>(sum, 0));
  let h1 = i32x4.replace_lane(none, 0, load<u32>(sum, 4));
  let h2 = i32x4.replace_lane(none, 0, load<u32>(sum, 8));
  let h3 = i32x4.replace_lane(none, 0, load<u32>(sum, 12));
  let h4 = i32x4.replace_lane(none, 0, load<u32>(sum, 16));
  let y0 = i32x4.splat(load<u32>(r4, 0));
  let y1 = i32x4.splat(load<u32>(r4, 4));
  let y2 = i32x4.splat(load<u32>(r4, 8));
  let y3 = i32x4.splat(load<u32>(r4, 12));
  let y4 = i32x4.splat(load<u32>(r4, 16));
  let s1 = i32x4.mul(y1, five);
  let s2 = i32x4.mul(y2, five);
  let s3 = i32x4.mul(y3, five);
  let s4 = i32x4.mul(y4, five);
  for (; groups > 0; groups--) {
    const m0 = v128.load(at, 0);
    const m1 = v128.load(at, 16);
    const m2 = v128.load(at, 32);
    const m3 = v128.load(at, 48);
    at += groupBytes;
    // From four blocks of four words to four words of four blocks.
    const left01 = v128.shuffle<u32>(m0, m1, 0, 4, 1, 5);
    const left23 = v128.shuffle<u32>(m0, m1, 2, 6, 3, 7);
    const right01 = v128.shuffle<u32>(m2, m3, 0, 4, 1, 5);
    const right23 = v128.shuffle<u32>(m2, m3, 2, 6, 3, 7);
    const w0 = v128.shuffle<u64>(left01, right01, 0, 2);
    const w1 = v128.shuffle<u64>(left01, right01, 1, 3);
    const w2 = v128.shuffle<u64>(left23, right23, 0, 2);
    const w3 = v128.shuffle<u64>(left23, right23, 1, 3);
    h0 = i32x4.add(h0, v128.and(w0, mask));
    h1 = i32x4.add(h1, v128.and(v128.or(i32x4.shr_u(w0, 26), i32x4.shl(w1, 6)), mask));
    h2 = i32x4.add(h2, v128.and(v128.or(i32x4.shr_u(w1, 20), i32x4.shl(w2, 12)), mask));
    h3 = i32x4.add(h3, v128.and(v128.or(i32x4.shr_u(w2, 14), i32x4.shl(w3, 18)), mask));
    h4 = i32x4.add(h4, v128.or(i32x4.shr_u(w3, 8), top));
    if (groups == 1) {
      y0 = weights(0);
      y1 = weights(4);
      y2 = weights(8);
      y3 = weights(12);
      y4 = weights(16);
      s1 = i32x4.mul(y1, five);
      s2 = i32x4.mul(y2, five);
      s3 = i32x4.mul(y3, five);
      s4 = i32x4.mul(y4, five);
    }
    let a0 = add5(low(h0, y0), low(h1, s4), low(h2, s3), low(h3, s2), low(h4, s1));
    let a1 = add5(low(h0, y1), low(h1, y0), low(h2, s4), low(h3, s3), low(h4, s2));
    let a2 = add5(low(h0, y2), low(h1, y1), low(h2, y0), low(h3, s4), low(h4, s3));
    let a3 = add5(low(h0, y3), low(h1, y2), low(h2, y1), low(h3, y0), low(h4, s4));
    let a4 = add5(low(h0, y4), low(h1, y3), low(h2, y2), low(h3, y1), low(h4, y0));
    let b0 = add5(high(h0, y0), high(h1, s4), high(h2, s3), high(h3, s2), high(h4, s1));
    let b1 = add5(high(h0, y1), high(h1, y0), high(h2, s4), high(h3, s3), high(h4, s2));
    let b2 = add5(high(h0, y2), high(h1, y1), high(h2, y0), high(h3, s4), high(h4, s3));
    let b3 = add5(high(h0, y3), high(h1, y2), high(h2, y1), high(h3, y0), high(h4, s4));
    let b4 = add5(high(h0, y4), high(h1, y3), high(h2, y2), high(h3, y1), high(h4, y0));
    // Two chains of carries at once, so that neither waits for the other.
    a1 = carryTo(a1, a0);
    a0 = v128.and(a0, mask64);
    a4 = carryTo(a4, a3);
    a3 = v128.and(a3, mask64);
    b1 = carryTo(b1, b0);
    b0 = v128.and(b0, mask64);
    b4 = carryTo(b4, b3);
    b3 = v128.and(b3, mask64);
    a2 = carryTo(a2, a1);
    a1 = v128.and(a1, mask64);
    a0 = carryAround(a0, a4);
    a4 = v128.and(a4, mask64);
    b2 = carryTo(b2, b1);
    b1 = v128.and(b1, mask64);
    b0 = carryAround(b0, b4);
    b4 = v128.and(b4, mask64);
    a3 = carryTo(a3, a2);
    a2 = v128.and(a2, mask64);
    a1 = carryTo(a1, a0);
    a0 = v128.and(a0, mask64);
    b3 = carryTo(b3, b2);
    b2 = v128.and(b2, mask64);
    b1 = carryTo(b1, b0);
    b0 = v128.and(b0, mask64);
    a4 = carryTo(a4, a3);
    a3 = v128.and(a3, mask64);
    b4 = carryTo(b4, b3);
    b3 = v128.and(b3, mask64);
    h0 = join(a0, b0);
    h1 = join(a1, b1);
    h2 = join(a2, b2);
    h3 = join(a3, b3);
    h4 = join(a4, b4);
  }
  setReduced(sum, addUp(h0), addUp(h1), addUp(h2), addUp(h3), addUp(h4));
}

/** Reduces the sum fully and adds the key's second half modulo 2^128. */
function writeTag(): void {
  let a = load<u32>(sum, 0);
  let b = load<u32>(sum, 4);
  let c = load<u32>(sum, 8);
  let d = load<u32>(sum, 12);
  let e = load<u32>(sum, 16);
  // Three rounds, because what is carried around may run through all limbs once more.
  for (let round = 0; round < 3; round++) {
    b += a >> 26;
    a &= limbMask;
    c += b >> 26;
    b &= limbMask;
    d += c >> 26;
    c &= limbMask;
    e += d >> 26;
    d &= limbMask;
    a += 5 * (e >> 26);
    e &= limbMask;
  }
  // The sum is below 2 p: one subtraction of p = 2^130 - 5, taken where it leaves no debt.
  const a2 = a + 5;
  const b2 = b + (a2 >> 26);
  const c2 = c + (b2 >> 26);
  const d2 = d + (c2 >> 26);
  const e2 = e + (d2 >> 26);
  if (e2 >> 26 != 0) {
    a = a2 & limbMask;
    b = b2 & limbMask;
    c = c2 & limbMask;
    d = d2 & limbMask;
    e = e2 & limbMask;
  }
  const first = <u64>(a | (b << 26)) + load<u32>(key, 16);
  const second = <u64>((b >> 6) | (c << 20)) + load<u32>(key, 20) + (first >> 32);
  const third = <u64>((c >> 12) | (d << 14)) + load<u32>(key, 24) + (second >> 32);
  const fourth = <u64>((d >> 18) | (e << 8)) + load<u32>(key, 28) + (third >> 32);
  store<u32>(tag, <u32>first, 0);
  store<u32>(tag, <u32>second, 4);
  store<u32>(tag, <u32>third, 8);
  store<u32>(tag, <u32>fourth, 12);
}
