import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RelocateError } from '../../src/errors.ts';
import { parseServer, plainAddress } from '../../src/dns/names.ts';
import { parseKeyFile, parseKeyText, sign, verify } from '../../src/dns/tsig.ts';
import {
  classes,
  contentOf,
  decodeMessage,
  encodeMessage,
  encodeName,
  type Message,
  types,
  valueOf,
} from '../../src/dns/wire.ts';

const message = (parts: Partial<Message> = {}): Message => ({
  id: 7,
  flags: 0x8400,
  questions: [{ name: 'www.example.com', type: types.A, class: classes.IN }],
  answers: [],
  authorities: [],
  additionals: [],
  ...parts,
});
const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?$/);
const name = fc.array(label, { minLength: 0, maxLength: 5 }).map((labels) => labels.join('.'));

describe('messages', () => {
  test('what is written is read again', () => {
    const record = fc.record({
      name,
      type: fc.constantFrom(types.A, types.TXT, types.TSIG),
      class: fc.constantFrom(1, 254, 255),
      ttlSeconds: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      data: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    });
    const records = fc.array(record, { maxLength: 4 });
    fc.assert(
      fc.property(records, records, records, (answers, authorities, additionals) => {
        const given = message({ answers, authorities, additionals });
        expect(decodeMessage(encodeMessage(given))).toEqual(given);
      }),
    );
  });

  test('any bytes end in a message or in one clear error, and at once', () => {
    const whole = encodeMessage(
      message({
        answers: [
          {
            name: 'www.example.com',
            type: types.CNAME,
            class: 1,
            ttlSeconds: 60,
            data: encodeName('host.example.net'),
          },
        ],
      }),
    );
    const flips = fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), {
      maxLength: 6,
    });
    const damaged = flips.map((all) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of all) bytes[at] = value;
      return bytes;
    });
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, noise), (bytes) => {
        let error: unknown;
        try {
          decodeMessage(bytes);
        } catch (thrown) {
          error = thrown;
        }
        expect(error === undefined || error instanceof RelocateError).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a name that points to itself, or forwards, is refused', () => {
    const bytes = encodeMessage(message());
    bytes.writeUInt16BE(0xc0_0c, 12);
    expect(() => decodeMessage(bytes)).toThrow('no DNS message');
    bytes.writeUInt16BE(0xc0_20, 12);
    expect(() => decodeMessage(bytes)).toThrow('no DNS message');
  });

  test.each(['a..b', 'x'.repeat(64), Array(64).fill('abc').join('.')])('%s is no name', (wrong) => {
    expect(() => encodeName(wrong)).toThrow('no name');
  });

  test('addresses are written as they are read', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV4(), (six, four) => {
        const a = valueOf({ type: types.AAAA, data: contentOf('AAAA', six) });
        expect(a).toBe(plainAddress(six));
        expect(valueOf({ type: types.A, data: contentOf('A', four) })).toBe(four);
      }),
    );
  });
});

describe('signatures', () => {
  const key = parseKeyText('hmac-sha256:relocate:c2VjcmV0IHNlY3JldCBzZWNyZXQ=');
  const now = new Date('2026-01-31T12:00:00Z');

  test('a signed message is authentic, and one of another key or with a bit changed is not', () => {
    const signed = sign(encodeMessage(message()), key, now).bytes;
    // An answer is signed over the request's signature as well; the request itself has none before it.
    const other = { ...key, secret: Buffer.from('another') };
    expect(verify(signed, key, Buffer.alloc(0))?.authentic).toBe(false);
    expect(verify(signed, other, Buffer.alloc(0))?.authentic).toBe(false);
    expect(verify(encodeMessage(message()), key, Buffer.alloc(0))).toBeUndefined();
    expect(decodeMessage(signed).additionals).toHaveLength(1);
  });

  test('keys are read as the tools write them', () => {
    const text = `# a key\nkey "relocate." {\n\talgorithm hmac-sha512; // strong\n\tsecret "c2VjcmV0";\n};\n`;
    expect(parseKeyFile(text)).toEqual({
      name: 'relocate',
      algorithm: 'hmac-sha512',
      secret: Buffer.from('secret'),
    });
    const marks = 'ab//cd/*ef*/gh==';
    const { secret } = parseKeyFile(
      `key k { algorithm hmac-sha256; secret "${marks.replaceAll('*', '+')}"; };`,
    );
    expect(secret).toEqual(Buffer.from(marks.replaceAll('*', '+'), 'base64'));
    expect(parseKeyText('relocate:c2VjcmV0')).toMatchObject({ algorithm: 'hmac-sha256' });
    for (const wrong of ['', 'relocate', 'a:b:c:d', 'hmac-sha9:relocate:c2VjcmV0']) {
      expect(() => parseKeyText(wrong)).toThrow('TSIG key');
    }
    expect(() => parseKeyFile('key "relocate" {}')).toThrow('TSIG key');
  });
});

test.each([
  ['ns1.example.com', 'ns1.example.com', 53],
  ['127.0.0.1:5353', '127.0.0.1', 5353],
  ['[2001:db8::1]:5353', '2001:db8::1', 5353],
  ['[2001:db8::1]', '2001:db8::1', 53],
  ['2001:db8::1', '2001:db8::1', 53],
])('the server %s', (text, host, port) => {
  expect(parseServer(text)).toEqual({ host, port });
});
