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
