import { RelocateError } from '../errors.ts';

/** `5%`, `200M` or `unlimited`, as restic takes it: how many unused bytes may stay. Throws `usage`. */
export function parseMaxUnused(text: string): (usedBytes: number) => number {
  if (text === 'unlimited') return () => Infinity;
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent === undefined) {
    const bytes = parseBytes(text);
    return () => bytes;
  }
  // Of all that is there afterwards, not of what is used.
  const share = Number(percent) / 100;
  if (share >= 1) throw new RelocateError('usage', 'A share of unused bytes must be below 100%.');
  return (usedBytes) => Math.floor((usedBytes * share) / (1 - share));
}

const units: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `1500`, `20M`, `4g`: bytes with restic's suffixes. Throws `usage`. */
export function parseBytes(text: string): number {
  const [, number, suffix = ''] = /^(\d+)([kmgt]?)b?$/i.exec(text) ?? [];
  if (number === undefined)
    throw new RelocateError('usage', `“${text}” is no size.`, { hint: 'Sizes are written 500M, 20G, 1T.' });
  return Number(number) * (units[suffix.toLowerCase()] ?? 1);
}
