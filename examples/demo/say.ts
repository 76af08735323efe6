/** What the demo prints: numbered acts, lines below them, and the commands as a person would type them. */

const isTerminal = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
const style = (code: number, text: string): string => (isTerminal ? `\u001B[${code}m${text}\u001B[0m` : text);
const bold = 1;
const cyan = 36;

let acts = 0;

export function act(title: string): void {
  acts += 1;
  print(`\n${style(bold, `${acts}. ${title}`)}`);
}

export function line(text: string): void {
  print(`   ${text}`);
}

export function command(words: readonly string[]): void {
  print(`   ${style(cyan, `$ ${words.map(quoted).join(' ')}`)}`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export const count = (value: number): string => new Intl.NumberFormat('en').format(value);

/** "840 B", "1.4 MiB". */
export function bytes(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

export const seconds = (durationMs: number): string => `${(durationMs / 1000).toFixed(1)} s`;

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
