/*
 * The chunker's inner loop: a Rabin fingerprint over 64 bytes, rolled over the input until its low 20 bits are zero.
 * A fingerprint depends on its 64 bytes alone, so four stretches are rolled side by side: each step waits for a table
 * that the step before chose, and four such waits at once take little longer than one.
 */

/** Two tables of 256 numbers, written from outside: what enters and leaves together, and what the top byte becomes. */
const leavingTable: usize = 0x400;
const topTable: usize = 0xc00;
const windowBytes: usize = 64;
const splitMask: u32 = (1 << 20) - 1;
const topShift: u64 = 45;
/** Long enough to warm up for, short enough that little is rolled in vain behind a cut. */
const stretchBytes: usize = 16 * 1024;

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
  while (to - at >= 4 * windowBytes) {
    const length = min((to - at) / 4, stretchBytes);
    const found = fourStretches(at, length);
    if (found != 0) return found;
    at += 4 * length;
  }
  let digest = fingerprint(at);
  while (at < to) {
    digest = roll(digest, change(at));
    at++;
    if (isCut(digest)) return at;
  }
  return 0;
}

function fourStretches(from: usize, length: usize): usize {
  let a = from;
  let b = a + length;
  let c = b + length;
  let d = c + length;
  const end = b;
  let digestA = fingerprint(a);
  let digestB = fingerprint(b);
  let digestC = fingerprint(c);
  let digestD = fingerprint(d);
  let foundB: usize = 0;
  let foundC: usize = 0;
  let foundD: usize = 0;
  while (a < end) {
    digestA = roll(digestA, change(a));
    digestB = roll(digestB, change(b));
    digestC = roll(digestC, change(c));
    digestD = roll(digestD, change(d));
    a++;
    b++;
    c++;
    d++;
    if (isCut(digestA)) return a;
    if (isCut(digestB) && foundB == 0) foundB = b;
    if (isCut(digestC) && foundC == 0) foundC = c;
    if (isCut(digestD) && foundD == 0) foundD = d;
  }
  return foundB != 0 ? foundB : foundC != 0 ? foundC : foundD;
}
