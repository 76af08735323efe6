import { randomBytes } from 'node:crypto';

/**
 * Polynomials over GF(2) as bigints: bit n is the coefficient of x^n. The chunker's is irreducible and of degree 53,
 * random for each repository, so that nobody can tell files by where they are cut (restic's design, "Rabin fingerprints").
 */
export type Polynomial = bigint;

export const chunkerDegree = 53;

export function degree(value: Polynomial): number {
  return value === 0n ? -1 : value.toString(2).length - 1;
}

export function mod(value: Polynomial, modulus: Polynomial): Polynomial {
  const top = degree(modulus);
  let rest = value;
  for (let at = degree(rest); at >= top; at = degree(rest)) rest ^= modulus << BigInt(at - top);
  return rest;
}

export function gcd(a: Polynomial, b: Polynomial): Polynomial {
  while (b !== 0n) [a, b] = [b, mod(a, b)];
  return a;
}

function multiplyMod(a: Polynomial, b: Polynomial, modulus: Polynomial): Polynomial {
  let product = 0n;
  for (let shifted = a, rest = b; rest !== 0n; shifted <<= 1n, rest >>= 1n) if (rest & 1n) product ^= shifted;
  return mod(product, modulus);
}

/** Ben-Or's test: no x^(2^i) − x with i ≤ degree/2 shares a factor with it. */
export function isIrreducible(value: Polynomial): boolean {
  let power = 2n;
  for (let round = 1; round <= degree(value) / 2; round += 1) {
    power = multiplyMod(power, power, value);
    if (gcd(value, power ^ 2n) !== 1n) return false;
  }
  return true;
}

/** About one candidate in 26 is irreducible. */
export function randomPolynomial(): Polynomial {
  for (;;) {
    const random = randomBytes(8).readBigUInt64BE() & ((1n << BigInt(chunkerDegree)) - 1n);
    const candidate = random | (1n << BigInt(chunkerDegree)) | 1n;
    if (isIrreducible(candidate)) return candidate;
  }
}
