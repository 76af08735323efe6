import { posix } from 'node:path';
import { RelocateError } from '../errors.ts';
import { runes } from '../repository/go-strings.ts';

/**
 * Patterns as restic's `--exclude` takes them. A pattern's parts are matched against the parts of a path: `*`, `?` and
 * `[a-z]` within a part, `**` for any number of parts. One that begins with `/` starts at the root, any other anywhere.
 * A match of the beginning is enough: what excludes a folder excludes all below it. `!` takes back what came before.
 */
export interface Pattern {
  negated: boolean;
  rooted: boolean;
  parts: readonly Part[];
}

type Part = { kind: 'text'; text: string } | { kind: 'glob'; expression: RegExp } | { kind: 'any-depth' };

/** The part that stands for the root; an absolute path's parts begin with it. */
export const rootPart = '/';

/** Empty patterns are ignored. Throws `config-invalid` for one that cannot be understood. */
export function parsePatterns(patterns: readonly string[]): Pattern[] {
  return patterns.filter((pattern) => pattern !== '').map(parsePattern);
}

function parsePattern(pattern: string): Pattern {
  const negated = pattern.startsWith('!');
  const parts = cleanPath(negated ? pattern.slice(1) : pattern).split('/');
  if (parts[0] === '') parts[0] = rootPart;
  return { negated, rooted: parts[0] === rootPart, parts: parts.map((part) => parsePart(part, pattern)) };
}

function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

function parsePart(part: string, pattern: string): Part {
  // restic reads `/` alone as a root with an empty part below, and takes that for `**`.
  if (part === '**' || part === '') return { kind: 'any-depth' };
  if (!/[\\[\]*?]/.test(part)) return { kind: 'text', text: part };
  const source = globSource(part);
  if (source !== undefined) return { kind: 'glob', expression: new RegExp(`^${source}$`, 'su') };
  throw new RelocateError('config-invalid', `The pattern “${pattern}” cannot be understood.`, {
    facts: { pattern },
    hint: 'A [ needs its ], and a \\ needs a character after it.',
  });
}

/** Go's filepath.Match as a regular expression; undefined where the syntax is wrong. */
function globSource(glob: string): string | undefined {
  const chars = Array.from(glob);
  let source = '';
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (char === '[') {
      const set = readSet(chars, at + 1);
      if (set === undefined) return undefined;
      source += set.source;
      at = set.end;
    } else if (char === '\\') {
      at += 1;
      const escaped = chars[at];
      if (escaped === undefined) return undefined;
      source += literal(escaped);
    } else source += literal(char);
  }
  return source;
}

/** What stands between `[` and `]`: one or more characters or ranges, inverted by a leading `^`. */
function readSet(chars: readonly string[], start: number): { source: string; end: number } | undefined {
  let at = start;
  const inverted = chars[at] === '^';
  if (inverted) at += 1;
  const readOne = (): string | undefined => {
    if (chars[at] === '\\') at += 1;
    else if (chars[at] === '-' || chars[at] === ']') return undefined;
    at += 1;
    return chars[at - 1];
  };
  const ranges: string[] = [];
  while (ranges.length === 0 || chars[at] !== ']') {
    const low = readOne();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (chars[at] === '-') {
      at += 1;
      high = readOne();
      if (high === undefined) return undefined;
    }
    // Go lets a range run backwards; it holds nothing.
    ranges.push(
      (low.codePointAt(0) ?? 0) <= (high.codePointAt(0) ?? 0) ? `${literal(low)}-${literal(high)}` : '',
    );
  }
  return { source: `[${inverted ? '^' : ''}${ranges.join('')}]`, end: at };
}

const literal = (char: string): string => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;

/** A raw name as matching sees it: each byte that is no UTF-8 counts as one character. */
export function patternPart(name: Buffer): string {
  const text = name.toString();
  if (!text.includes('\ufffd')) return text;
  return [...runes(name)]
    .map((rune) => (typeof rune === 'number' ? String.fromCharCode(0xdc00 + rune) : rune))
    .join('');
}

/** Whether the patterns, read in order, list this path. */
export function isListed(patterns: readonly Pattern[], path: readonly string[]): boolean {
  let listed = false;
  for (const pattern of patterns) {
    if (listed === pattern.negated && matches(pattern, path)) listed = !pattern.negated;
  }
  return listed;
}

/** Whether something below this folder may be listed: what `--include` needs to know before it goes down. */
export function mayListBelow(patterns: readonly Pattern[], path: readonly string[]): boolean {
  let may = false;
  for (const pattern of patterns) {
    if (pattern.negated) may &&= !matches(pattern, path);
    else may ||= matchesPrefix(pattern, path);
  }
  return may;
}

function matches({ parts, rooted }: Pattern, path: readonly string[]): boolean {
  if (rooted) return matchesAt(parts, 0, path, 0);
  const last = path.length - parts.filter((part) => part.kind !== 'any-depth').length;
  for (let start = path[0] === rootPart ? 1 : 0; start <= last; start += 1) {
    if (matchesAt(parts, 0, path, start)) return true;
  }
  return false;
}

function matchesAt(
  parts: readonly Part[],
  partIndex: number,
  path: readonly string[],
  pathIndex: number,
): boolean {
  const part = parts[partIndex];
  if (part === undefined) return true;
  if (part.kind === 'any-depth') {
    for (let next = pathIndex; next <= path.length; next += 1) {
      if (matchesAt(parts, partIndex + 1, path, next)) return true;
    }
    return false;
  }
  const name = path[pathIndex];
  if (name === undefined) return false;
  const same = part.kind === 'text' ? part.text === name : name !== rootPart && part.expression.test(name);
  return same && matchesAt(parts, partIndex + 1, path, pathIndex + 1);
}

function matchesPrefix({ parts, rooted, negated }: Pattern, path: readonly string[]): boolean {
  if (!rooted) return true;
  const deep = parts.findIndex((part) => part.kind === 'any-depth');
  const length = Math.min(path.length, parts.length, deep < 0 ? Infinity : deep);
  return matches({ negated, rooted, parts: parts.slice(0, length) }, path);
}
