import { createHmac, timingSafeEqual } from 'node:crypto';
import { RelocateError } from '../errors.ts';
import { plainName } from './names.ts';
import {
  classes,
  decodeMessage,
  encodeName,
  encodeRecord,
  readName,
  responseCodes,
  types,
  uint16,
} from './wire.ts';

/** Signed DNS messages (RFC 8945). */
export interface TsigKey {
  /** Lowercase, without the final dot. */
  name: string;
  algorithm: TsigAlgorithm;
  /** Holds a secret. */
  secret: Buffer;
}

const hashes = {
  'hmac-sha256': 'sha256',
  'hmac-sha224': 'sha224',
  'hmac-sha384': 'sha384',
  'hmac-sha512': 'sha512',
  'hmac-sha1': 'sha1',
  'hmac-md5.sig-alg.reg.int': 'md5',
} as const;
export type TsigAlgorithm = keyof typeof hashes;

/** A key file as `tsig-keygen` writes it. Never quotes it. Throws `usage`. */
export function parseKeyFile(text: string): TsigKey {
  // A secret may hold what begins a comment elsewhere.
  const plain = text.replaceAll(/"[^"]*"|\/\*[^]*?\*\/|(?:\/\/|#).*$/gm, (part) =>
    part.startsWith('"') ? part : '',
  );
  const name = /\bkey\s+"?([^\s"{;]+)"?\s*\{/.exec(plain)?.[1];
  const algorithm = /\balgorithm\s+"?([\w.-]+)"?\s*;/.exec(plain)?.[1];
  const secret = /\bsecret\s+"?([\w+/=]+)"?\s*;/.exec(plain)?.[1];
  return makeKey(name, algorithm, secret);
}

/** `[algorithm:]name:secret`, as `nsupdate -y` takes it. Never quotes it. Throws `usage`. */
export function parseKeyText(text: string): TsigKey {
  const parts = text.trim().split(':');
  const [secret, name, algorithm] = parts.toReversed();
  return makeKey(name, parts.length === 3 ? algorithm : 'hmac-sha256', parts.length > 3 ? '' : secret);
}

function makeKey(name = '', given = '', secret = ''): TsigKey {
  const wanted = plainName(given);
  const known = wanted === 'hmac-md5' ? 'hmac-md5.sig-alg.reg.int' : wanted;
  const algorithm = isAlgorithm(known) ? known : undefined;
  const bytes = Buffer.from(secret, 'base64');
  if (name !== '' && algorithm !== undefined && bytes.length > 0) {
    return { name: plainName(name), algorithm, secret: bytes };
  }
  throw new RelocateError('usage', 'The TSIG key cannot be read.', {
    hint: 'A key file is as “tsig-keygen” writes it; RELOCATE_TSIG_KEY is ALGORITHM:NAME:SECRET, as “nsupdate -y” takes it. Nothing was changed.',
  });
}

function isAlgorithm(text: string): text is TsigAlgorithm {
  return Object.hasOwn(hashes, text);
}

const fudgeSeconds = 300;

export interface Signed {
  bytes: Buffer;
  /** What the answer's signature builds on. */
  mac: Buffer;
}

/** Adds the signature to a message. */
export function sign(message: Buffer, key: TsigKey, now: Date): Signed {
  const times = timesOf(Math.floor(now.getTime() / 1000), fudgeSeconds);
  const mac = macOf(key, [message, variables(key, times, 0, Buffer.alloc(0))]);
  const data = Buffer.concat([
    encodeName(key.algorithm),
    times,
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0),
    uint16(0),
  ]);
  const record = encodeRecord({ name: key.name, type: types.TSIG, class: classes.ANY, ttlSeconds: 0, data });
  const bytes = Buffer.concat([message, record]);
  bytes.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  return { bytes, mac };
}

export interface Verdict {
  /** The server's word on the request's signature: `NOERROR`, `BADKEY`, `BADSIG`, `BADTIME`. */
  code: string;
  /** Whether the answer itself is signed by the key. Errors about the key come without a signature. */
  authentic: boolean;
}

/** Holds the answer to a signed request against the key. Undefined: it has no signature at all. */
export function verify(answer: Buffer, key: TsigKey, requestMac: Buffer): Verdict | undefined {
  const { additionals } = decodeMessage(answer);
  const record = additionals.at(-1);
  if (record?.type !== types.TSIG) return undefined;
  const start = answer.length - encodeRecord(record).length;
  const cursor = { bytes: record.data, at: 0 };
  const algorithm = readName(cursor);
  const times = record.data.subarray(cursor.at, cursor.at + 8);
  const macLength = record.data.readUInt16BE(cursor.at + 8);
  const mac = record.data.subarray(cursor.at + 10, cursor.at + 10 + macLength);
  const rest = cursor.at + 10 + macLength;
  const error = record.data.readUInt16BE(rest + 2);
  const other = record.data.subarray(rest + 6);
  const message = Buffer.from(answer.subarray(0, start));
  record.data.copy(message, 0, rest, rest + 2);
  message.writeUInt16BE(message.readUInt16BE(10) - 1, 10);
  const expected = macOf(key, [
    uint16(requestMac.length),
    requestMac,
    message,
    variables(key, times, error, other),
  ]);
  const authentic =
    record.name === key.name &&
    algorithm === key.algorithm &&
    mac.length === expected.length &&
    timingSafeEqual(mac, expected);
  return { code: responseCodes[error] ?? `error ${error}`, authentic };
}

function macOf({ algorithm, secret }: TsigKey, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac(hashes[algorithm], secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function timesOf(seconds: number, fudge: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUIntBE(seconds, 0, 6);
  bytes.writeUInt16BE(fudge, 6);
  return bytes;
}

function variables({ name, algorithm }: TsigKey, times: Buffer, error: number, other: Buffer): Buffer {
  const ttl = Buffer.alloc(4);
  return Buffer.concat([
    encodeName(name),
    uint16(classes.ANY),
    ttl,
    encodeName(algorithm),
    times,
    uint16(error),
    uint16(other.length),
    other,
  ]);
}
