import { RelocateError } from '../errors.ts';
import { groupIntoSets, isRecordType, plainName, plainValue } from './names.ts';
import type { RecordSet, RecordType } from './zone.ts';

/**
 * Zone files (RFC 1035, section 5, and $TTL of RFC 2308). Pure. Records of three types are read and written; every other
 * line stays as it is, with its comments.
 */
interface Entry {
  /** Whole. */
  name: string;
  type: string;
  ttlSeconds: number;
  /** Words after the type. */
  data: string[];
  /** Where it stands in the text: from its first character to the one after its last. */
  start: number;
  end: number;
}

export interface ZoneText {
  text: string;
  entries: Entry[];
}

interface Token {
  word: string;
  start: number;
  end: number;
}

interface Line {
  tokens: Token[];
  /** It begins with a blank: the name is that of the line before. */
  continues: boolean;
  start: number;
  end: number;
}

/** Throws `dns-failed` for what it cannot read; a file that is only understood in part is not changed. */
export function parseZone(text: string, zone: string): ZoneText {
  let origin = zone;
  let defaultTtl: number | undefined;
  let lastTtl: number | undefined;
  let lastName = zone;
  const entries: Entry[] = [];
  for (const line of linesOf(text)) {
    const words = line.tokens.map(({ word }) => word);
    const [first = ''] = words;
    if (first.startsWith('$')) {
      const [, value = ''] = words;
      if (first === '$ORIGIN') origin = absolute(value, origin);
      else if (first === '$TTL') defaultTtl = seconds(value);
      else throw unreadable(text, line.start, `${first} is not understood`);
      continue;
    }
    const name = line.continues ? lastName : absolute(first, origin);
    lastName = name;
    const rest = line.continues ? words : words.slice(1);
    const parsed = afterName(rest);
    if (parsed === undefined) throw unreadable(text, line.start, 'it is no record');
    const { ttl, type, data } = parsed;
    const ttlSeconds = ttl ?? defaultTtl ?? lastTtl;
    if (ttlSeconds === undefined && type !== 'SOA') throw unreadable(text, line.start, 'it has no TTL');
    lastTtl = ttlSeconds ?? seconds(data[6] ?? '');
    const whole = type === 'CNAME' || type === 'NS' ? data.map((word) => absolute(word, origin)) : data;
    entries.push({ name, type, ttlSeconds: lastTtl ?? 0, data: whole, start: line.start, end: line.end });
  }
  if (!entries.some(({ type, name }) => type === 'SOA' && name === zone))
    throw new RelocateError('dns-zone-missing', `The zone file has no SOA record of ${zone}.`, {
      facts: { zone },
      hint: 'Nothing was changed. Look at “zone” and “provider” under “dns” in relocate.yaml.',
    });
  return { text, entries };
}

/** Lines with something in them; one in parentheses goes on over several. */
function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  let depth = 0;
  let current: Line | undefined;
  const pattern = /;[^\n]*|"(?:[^"\\]|\\.)*"|[()]|\n|[^\s();"]+/g;
  for (const { 0: word, index: start } of text.matchAll(pattern)) {
    const end = start + word.length;
    if (word.startsWith(';')) continue;
    if (word === '\n') {
      if (depth === 0 && current) {
        lines.push(current);
        current = undefined;
      }
      continue;
    }
    if (word === '(') depth += 1;
    if (word === ')') depth -= 1;
    const isMark = word === '(' || word === ')';
    current ??= { tokens: [], continues: start > 0 && text[start - 1] !== '\n', start, end };
    if (!isMark) current.tokens.push({ word, start, end });
    current.end = end;
  }
  if (current) lines.push(current);
  return lines.filter(({ tokens }) => tokens.length > 0);
}

function afterName(words: readonly string[]): { ttl?: number; type: string; data: string[] } | undefined {
  let ttl: number | undefined;
  for (const [index, word] of words.entries()) {
    if (/^(IN|CH|HS)$/i.test(word)) continue;
    const asTtl = seconds(word);
    if (asTtl !== undefined && ttl === undefined) {
      ttl = asTtl;
      continue;
    }
    if (!/^[A-Z][A-Z0-9-]*$/i.test(word)) return undefined;
    return { ...(ttl === undefined ? {} : { ttl }), type: word.toUpperCase(), data: words.slice(index + 1) };
  }
  return undefined;
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** `3600`, `1h`, `1h30m`, `2W`. */
function seconds(word: string): number | undefined {
  if (/^\d+$/.test(word)) return Number(word);
  if (!/^(\d+[smhdw])+$/i.test(word)) return undefined;
  return [...word.matchAll(/(\d+)([smhdw])/gi)].reduce(
    (sum, [, amount, unit = '']) => sum + Number(amount) * (units[unit.toLowerCase()] ?? 0),
    0,
  );
}

function absolute(name: string, origin: string): string {
  if (name === '@') return origin;
  if (name.endsWith('.')) return plainName(name);
  return `${plainName(name)}.${origin}`;
}

function unreadable(text: string, at: number, problem: string): RelocateError {
  const line = text.slice(0, at).split('\n').length;
  return new RelocateError('dns-failed', `Line ${line} of the zone file cannot be read: ${problem}.`, {
    facts: { line },
    hint: 'Nothing was changed.',
  });
}

/** Whole names. */
export function nameServersOf({ entries }: ZoneText, zone: string): string[] {
  return entries.flatMap(({ name, type, data }) => (type === 'NS' && name === zone ? (data[0] ?? []) : []));
}

export function setsOf({ entries }: ZoneText, names: readonly string[]): RecordSet[] {
  const records = entries.flatMap(({ name, type, ttlSeconds, data }) =>
    isRecordType(type) && names.includes(name)
      ? [{ name, type, ttlSeconds, value: plainValue(type, data[0] ?? '') }]
      : [],
  );
  return groupIntoSets(records);
}

/** The lines that a person would write. */
export function linesOfSets(sets: readonly RecordSet[]): string[] {
  return sets.flatMap(({ name, type, ttlSeconds, values }) =>
    values.map((value) => `${name}. ${ttlSeconds} IN ${type} ${written(type, value)}`),
  );
}

function written(type: RecordType, value: string): string {
  return type === 'CNAME' ? `${value}.` : value;
}

/** The text with all records of the name replaced and a greater serial number; nothing else is touched. */
export function replaceSets(zone: ZoneText, name: string, sets: readonly RecordSet[], now: Date): string {
  const leaving = zone.entries.filter((entry) => entry.name === name && isRecordType(entry.type));
  const [place] = leaving;
  const lines = linesOfSets(sets).join('\n');
  const edits = leaving.map(({ start, end }, index) => ({
    ...wholeLine(zone.text, start, end),
    text: index === 0 && lines !== '' ? lines : '',
  }));
  // The line after one that goes may have had its name from it.
  for (const entry of followers(zone, leaving)) {
    edits.push({ ...wholeLine(zone.text, entry.start, entry.start), text: `${entry.name}. ` });
  }
  if (place === undefined)
    edits.push({ start: zone.text.length, end: zone.text.length, text: atEnd(zone.text, lines) });
  edits.push(serialEdit(zone, now));
  return edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end), zone.text);
}

function atEnd(text: string, lines: string): string {
  return `${text.endsWith('\n') ? '' : '\n'}${lines}\n`;
}

/** From the line's first character, so that one without a name leaves no blank behind. */
function wholeLine(text: string, start: number, end: number): { start: number; end: number } {
  return { start: text.lastIndexOf('\n', start - 1) + 1, end };
}

function followers({ text, entries }: ZoneText, leaving: readonly Entry[]): Entry[] {
  return entries.filter((entry, index) => {
    const before = entries[index - 1];
    const continues = entry.start > 0 && text[entry.start - 1] !== '\n';
    return continues && before !== undefined && leaving.includes(before) && !leaving.includes(entry);
  });
}

/** `2026013101` becomes the next one of the day, where it is made of days; else one more. */
function serialEdit({ text, entries }: ZoneText, now: Date): { start: number; end: number; text: string } {
  const soa = entries.find(({ type }) => type === 'SOA');
  const serial = soa?.data[2] ?? '';
  if (soa === undefined || !/^\d+$/.test(serial))
    throw unreadable(text, soa?.start ?? 0, 'it has no serial number');
  const within = text.slice(soa.start, soa.end);
  // Its place is after two names and the type; comments between them may hold digits as well.
  const blank = within.replaceAll(/;[^\n]*/g, (comment) => ' '.repeat(comment.length));
  const match = new RegExp(String.raw`\bSOA\b\s+\S+\s+\S+[\s(]+(?=${serial}\b)`, 'i').exec(blank);
  if (match === null) throw unreadable(text, soa.start, 'its serial number is not found');
  const start = soa.start + match.index + match[0].length;
  const today = Number(`${now.toISOString().slice(0, 10).replaceAll('-', '')}00`);
  const isDated = /^20\d{8}$/.test(serial);
  const next = Math.max(Number(serial) + 1, isDated ? today : 0) % 2 ** 32;
  return { start, end: start + serial.length, text: String(next) };
}
