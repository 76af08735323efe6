import { RelocateError } from '../errors.ts';
import { plainAddress } from './names.ts';

/**
 * DNS messages as they travel (RFC 1035, RFC 2136). Pure. Written here because no package with types can write dynamic
 * updates: their records have classes and empty contents that queries never have.
 */
export interface Message {
  id: number;
  /** Opcode, AA, TC, RD, RA and the response code, as in the header. */
  flags: number;
  questions: Question[];
  /** Answers; in an update, what must hold before (its prerequisites). */
  answers: ResourceRecord[];
  /** Authorities; in an update, the changes. */
  authorities: ResourceRecord[];
  additionals: ResourceRecord[];
}

export interface Question {
  name: string;
  type: number;
  class: number;
}

export interface ResourceRecord extends Question {
  ttlSeconds: number;
  /** The content with the names in it written out. */
  data: Buffer;
}

export const types = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, TSIG: 250, ANY: 255 } as const;
export const classes = { IN: 1, NONE: 254, ANY: 255 } as const;
export const opcodes = { query: 0, update: 5 } as const;
export const bits = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200 } as const;

export const responseCodes: Readonly<Record<number, string>> = {
  0: 'NOERROR',
  1: 'FORMERR',
  2: 'SERVFAIL',
  3: 'NXDOMAIN',
  4: 'NOTIMP',
  5: 'REFUSED',
  6: 'YXDOMAIN',
  7: 'YXRRSET',
  8: 'NXRRSET',
  9: 'NOTAUTH',
  10: 'NOTZONE',
  16: 'BADSIG',
  17: 'BADKEY',
  18: 'BADTIME',
};

export function responseCode({ flags }: Pick<Message, 'flags'>): string {
  return responseCodes[flags & 0xf] ?? `RCODE ${flags & 0xf}`;
}

/** Throws `usage` for a name that no DNS message can carry. */
export function encodeName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.');
  const parts = labels.map((label) => Buffer.from(label, 'latin1'));
  const isRight = parts.every(({ length }) => length > 0 && length < 64);
  const bytes = Buffer.concat([...parts.flatMap((part) => [Buffer.from([part.length]), part]), Buffer.of(0)]);
  if (!isRight || bytes.length > 255)
    throw new RelocateError('usage', `“${name}” is no name that DNS can carry.`);
  return bytes;
}

export function encodeMessage(message: Message): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(message.id, 0);
  header.writeUInt16BE(message.flags, 2);
  const sections = [message.questions, message.answers, message.authorities, message.additionals];
  sections.forEach((section, index) => header.writeUInt16BE(section.length, 4 + 2 * index));
  return Buffer.concat([
    header,
    ...message.questions.map(encodeQuestion),
    ...[...message.answers, ...message.authorities, ...message.additionals].map(encodeRecord),
  ]);
}

function encodeQuestion({ name, type, class: klass }: Question): Buffer {
  return Buffer.concat([encodeName(name), uint16(type), uint16(klass)]);
}

export function encodeRecord(record: ResourceRecord): Buffer {
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(record.ttlSeconds);
  return Buffer.concat([encodeQuestion(record), ttl, uint16(record.data.length), record.data]);
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** Throws `dns-failed` for bytes that are no message; what follows a message is ignored. */
export function decodeMessage(bytes: Buffer): Message {
  try {
    return decode(bytes);
  } catch (cause) {
    if (cause instanceof RelocateError) throw cause;
    throw malformed(cause);
  }
}

function decode(bytes: Buffer): Message {
  const cursor = { bytes, at: 12 };
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  return {
    id: bytes.readUInt16BE(0),
    flags: bytes.readUInt16BE(2),
    questions: many(counts[0], () => readQuestion(cursor)),
    answers: many(counts[1], () => readRecord(cursor)),
    authorities: many(counts[2], () => readRecord(cursor)),
    additionals: many(counts[3], () => readRecord(cursor)),
  };
}

function many<T>(count: number | undefined, read: () => T): T[] {
  return Array.from({ length: count ?? 0 }, read);
}

interface Cursor {
  bytes: Buffer;
  at: number;
}

function readQuestion(cursor: Cursor): Question {
  const name = readName(cursor);
  const type = cursor.bytes.readUInt16BE(cursor.at);
  const klass = cursor.bytes.readUInt16BE(cursor.at + 2);
  cursor.at += 4;
  return { name, type, class: klass };
}

function readRecord(cursor: Cursor): ResourceRecord {
  const question = readQuestion(cursor);
  const ttlSeconds = cursor.bytes.readUInt32BE(cursor.at);
  const length = cursor.bytes.readUInt16BE(cursor.at + 4);
  const start = cursor.at + 6;
  const end = start + length;
  if (end > cursor.bytes.length) throw malformed();
  cursor.at = end;
  return { ...question, ttlSeconds, data: dataOf(question.type, cursor.bytes, start, end) };
}

/** The content with compressed names written out, for the types whose names may be compressed and are looked at here. */
function dataOf(type: number, bytes: Buffer, start: number, end: number): Buffer {
  const cursor = { bytes, at: start };
  if (start === end) return Buffer.alloc(0);
  if (type === types.NS || type === types.CNAME) return encodeName(readName(cursor));
  if (type !== types.SOA) return bytes.subarray(start, end);
  const names = Buffer.concat([encodeName(readName(cursor)), encodeName(readName(cursor))]);
  return Buffer.concat([names, bytes.subarray(cursor.at, end)]);
}

const mostJumps = 64;

/** Lowercase; dots inside of labels, which no host name has, are not told from those between them. */
export function readName(cursor: Cursor): string {
  const labels: string[] = [];
  let { at } = cursor;
  let jumps = 0;
  let sizeBytes = 0;
  for (;;) {
    const length = cursor.bytes.readUInt8(at);
    if (length >= 0xc0) {
      const target = cursor.bytes.readUInt16BE(at) & 0x3fff;
      if (jumps === 0) cursor.at = at + 2;
      jumps += 1;
      // A pointer leads back; one that does not, or too many, would never end.
      if (target >= at || jumps > mostJumps) throw malformed();
      at = target;
      continue;
    }
    if (length >= 0x40) throw malformed();
    at += 1;
    if (length === 0) break;
    sizeBytes += length + 1;
    if (at + length > cursor.bytes.length || sizeBytes > 254) throw malformed();
    labels.push(cursor.bytes.toString('latin1', at, at + length).toLowerCase());
    at += length;
  }
  if (jumps === 0) cursor.at = at;
  return labels.join('.');
}

/** The content of a record as a person writes it; undefined for types that are of no interest here. */
export function valueOf({ type, data }: Pick<ResourceRecord, 'type' | 'data'>): string | undefined {
  if (type === types.A && data.length === 4) return [...data].join('.');
  if (type === types.AAAA && data.length === 16) {
    const groups = Array.from({ length: 8 }, (_, index) => data.readUInt16BE(2 * index).toString(16));
    return plainAddress(groups.join(':'));
  }
  if (type === types.CNAME || type === types.NS) return readName({ bytes: data, at: 0 });
  return undefined;
}

/** The other way round, for what a zone's records are changed to. */
export function contentOf(type: 'A' | 'AAAA' | 'CNAME', value: string): Buffer {
  if (type === 'CNAME') return encodeName(value);
  if (type === 'A') return Buffer.from(value.split('.').map(Number));
  return ipv6Bytes(value);
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = plainAddress(address).split('::');
  const first = groupsOf(head);
  const last = groupsOf(tail ?? '');
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => 0);
  return Buffer.concat([...first, ...zeros, ...last].map(uint16));
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').flatMap(groupOf);
}

/** `::ffff:192.0.2.1` ends in an IPv4 address. */
function groupOf(text: string): number[] {
  if (!text.includes('.')) return [Number.parseInt(text, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function malformed(cause?: unknown): RelocateError {
  return new RelocateError('dns-failed', 'A name server sent something that is no DNS message.', {
    hint: 'Nothing was changed by it. Run the same command again; it goes on where it stopped.',
    retryable: true,
    cause,
  });
}
