import { isUtf8 } from 'node:buffer';

/**
 * Strings as Go writes them, because restic's trees are JSON made by Go and a tree's ID is the digest of those bytes.
 * Names go through strconv.Quote first (so that any bytes survive), all strings through encoding/json.
 */

/** The longest stretch of a name that both quotings leave alone: printable ASCII but for `" \ < > &`. */
const plain = /^[ !#-%'-;=?-[\]-~]*$/;

/** A raw name as it stands between the quotes of the JSON field `name`. */
export function encodeName(name: Buffer): string {
  const text = name.toString('latin1');
  return plain.test(text) ? text : escapeJson(quote(name));
}

/** Any text as it stands between the quotes of a JSON string written by Go. */
export function encodeText(text: string): string {
  return plain.test(text) ? text : escapeJson(text);
}

/** The raw name that a parsed `name` field stands for; undefined where Go's strconv.Unquote would refuse it. */
export function decodeName(quoted: string): Buffer | undefined {
  if (!/["\\\n]/.test(quoted)) return Buffer.from(quoted);
  const parts: Buffer[] = [];
  let end = 0;
  for (const match of quoted.matchAll(unquoting)) {
    if (match.index !== end) return undefined;
    end += match[0].length;
    const part = unquoteOne(match);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return end === quoted.length ? Buffer.concat(parts) : undefined;
}

const unquoting =
  /(?<text>[^\\"\n]+)|\\(?:x(?<hex>[0-9a-fA-F]{2})|(?<octal>[0-3][0-7]{2})|u(?<short>[0-9a-fA-F]{4})|U(?<long>[0-9a-fA-F]{8})|(?<letter>[abfnrtv\\"]))/gu;

function unquoteOne({ groups = {} }: RegExpMatchArray): Buffer | undefined {
  const { text, hex, octal, short, long, letter } = groups;
  if (text !== undefined) return Buffer.from(text);
  if (hex !== undefined) return Buffer.from([Number.parseInt(hex, 16)]);
  if (octal !== undefined) return Buffer.from([Number.parseInt(octal, 8)]);
  if (letter !== undefined) return Buffer.from([letterByLetter.get(letter) ?? letter.charCodeAt(0)]);
  const point = Number.parseInt(short ?? long ?? '', 16);
  const surrogate = point >= 0xd800 && point <= 0xdfff;
  return surrogate || point > 0x10ffff ? undefined : Buffer.from(String.fromCodePoint(point));
}

const letterByLetter = new Map([
  ['a', 7],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);
const letterByPoint = new Map([...letterByLetter].map(([letter, point]) => [point, letter]));

/** strconv.Quote without the quotes around. */
function quote(name: Buffer): string {
  let quoted = '';
  for (const rune of runes(name)) quoted += typeof rune === 'number' ? `\\x${hex(rune, 2)}` : quoteRune(rune);
  return quoted;
}

function quoteRune(rune: string): string {
  if (rune === '"' || rune === '\\') return `\\${rune}`;
  if (isPrintable(rune)) return rune;
  const point = rune.codePointAt(0) ?? 0;
  const letter = letterByPoint.get(point);
  if (letter !== undefined) return `\\${letter}`;
  if (point < 0x20 || point === 0x7f) return `\\x${hex(point, 2)}`;
  return point < 0x10000 ? `\\u${hex(point, 4)}` : `\\U${hex(point, 8)}`;
}

/** Characters of valid UTF-8 as strings; each byte that belongs to none as a number. */
export function* runes(bytes: Buffer): Generator<string | number> {
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at] ?? 0;
    const length =
      lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    const rune = bytes.subarray(at, at + length);
    // The decoder refuses exactly what Go's does: surrogates, overlong forms, what is past the end of Unicode.
    const valid = length > 0 && rune.length === length && isUtf8(rune);
    yield valid ? rune.toString() : lead;
    at += valid ? length : 1;
  }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

const printable = /^[ \p{L}\p{M}\p{N}\p{P}\p{S}]$/u;

function isPrintable(rune: string): boolean {
  return printable.test(rune) && !isNewerThanGo(rune.codePointAt(0) ?? 0);
}

/**
 * What Unicode 15.1 to 17 made printable: Go (1.21 to 1.26) is at Unicode 15.0 and escapes these, while the engine
 * under us knows them. Found by asking Go's strconv.IsPrint about every code point.
 */
const newerRanges =
  '88f 897 c5c cdc 1acf-1add 1ae0-1aeb 1b4e-1b4f 1b7f 1c89-1c8a 20c1 2427-2429 2b96 2ffc-2fff 31e4-31e5 31ef a7cb-a7cf ' +
  'a7d2 a7d4 a7da-a7dc a7f1 fbc3-fbd2 fd90-fd91 fdc8-fdce 105c0-105f3 10940-10959 10d40-10d65 10d69-10d85 10d8e-10d8f ' +
  '10ec2-10ec7 10ed0-10ed8 10efa-10efc 11380-11389 1138b 1138e 11390-113b5 113b7-113c0 113c2 113c5 113c7-113ca ' +
  '113cc-113d5 113d7-113d8 113e1-113e2 116d0-116e3 11b60-11b67 11bc0-11be1 11bf0-11bf9 11db0-11ddb 11de0-11de9 11f5a ' +
  '13460-143fa 16100-16139 16d40-16d79 16ea0-16eb8 16ebb-16ed3 16ff2-16ff6 187f8-187ff 18cff 18d09-18d1e 18d80-18df2 ' +
  '1cc00-1ccfc 1cd00-1ceb3 1ceba-1ced0 1cee0-1cef0 1e5d0-1e5fa 1e5ff 1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff 1f6d8 ' +
  '1f777-1f77a 1f8b2-1f8bb 1f8c0-1f8c1 1f8d0-1f8d8 1fa54-1fa57 1fa89-1fa8a 1fa8e-1fa8f 1fabe 1fac6 1fac8 1facd 1fadc ' +
  '1fadf 1fae9-1faea 1faef 1fbcb-1fbef 1fbfa 2b73a-2b73f 2cea2-2cead 2ebf0-2ee5d 323b0-33479';

let newer: (readonly [number, number])[] | undefined;

function isNewerThanGo(point: number): boolean {
  if (point < 0x88f) return false;
  newer ??= newerRanges.split(' ').map((range) => {
    const [first = '', last = first] = range.split('-');
    return [Number.parseInt(first, 16), Number.parseInt(last, 16)] as const;
  });
  return newer.some(([first, last]) => point >= first && point <= last);
}

const jsonSpecial = /["\\<>&\u2028\u2029\u0000-\u001f]/g; // oxlint-disable-line no-control-regex -- it is what JSON escapes

/** What encoding/json does inside a string, HTML escaping included; short forms as Go writes them since 1.22. */
function escapeJson(text: string): string {
  return text.toWellFormed().replace(jsonSpecial, (char) => {
    const short = shortEscapes.get(char);
    return short ?? `\\u${hex(char.charCodeAt(0), 4)}`;
  });
}

const shortEscapes = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);
