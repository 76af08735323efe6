import { InvalidArgumentError } from 'commander';

export function listOption(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('It takes names, comma-separated.');
  return names;
}

/** `5%`, `5`, or nothing for all of it. */
export function percentOption(text: string): number {
  const match = /^(\d+(?:\.\d+)?)%?$/.exec(text);
  const percent = Number(match?.[1]);
  if (!match || percent <= 0 || percent > 100)
    throw new InvalidArgumentError('It takes a percentage, e.g. 5%.');
  return percent;
}

export function countOption(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 100)
    throw new InvalidArgumentError('It takes a number from 1 to 100.');
  return count;
}

const rateUnits: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Bytes a second of `500` (KiB, as restic takes it), `500K`, `10M`, `1.5MiB`, `1G`. */
export function rateOption(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([KMG])(?:iB)?)?$/.exec(text);
  const bytes = Math.round(Number(match?.[1]) * (rateUnits[match?.[2] ?? 'K'] ?? 0));
  if (!match || !(bytes > 0)) throw new InvalidArgumentError('It takes KiB a second, or e.g. 10M.');
  return bytes;
}
