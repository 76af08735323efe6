import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JsonReader } from '../../src/repository/json-reader.ts';

const words = ['id', 'packs', 'data'];
const readerOf = (json: string) => new JsonReader(Buffer.from(json), words);

/** Any value, put together from what the reader gives: the kinds of values that it can read, and null. */
function read(reader: JsonReader, like: unknown): unknown {
  if (reader.takeNull()) return null;
  if (typeof like === 'string') return reader.string();
  if (typeof like === 'number') return reader.integer();
  if (Array.isArray(like)) {
    const items: unknown[] = [];
    reader.array(() => items.push(read(reader, like[items.length])));
    return items;
  }
  const fields: [string, unknown][] = [];
  reader.object((key) => fields.push([key, read(reader, (like as Record<string, unknown>)[key])]));
  return Object.fromEntries(fields);
}

const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(...words),
    fc.maxSafeNat(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 5 },
    ),
  ),
})).value;

describe('the JSON reader', () => {
  test('reads what JSON.stringify writes, with white space and without', () => {
    fc.assert(
      fc.property(values, fc.constantFrom(0, 2), (value, space) => {
        const reader = readerOf(JSON.stringify(value, null, space));
        expect(read(reader, value)).toEqual(value);
        reader.end();
      }),
    );
  });

  test('skips any value to its end, and no further', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const reader = readerOf(`[${JSON.stringify(value)},"data"]`);
        let last = '';
        let at = 0;
        reader.array(() => {
          if (at === 0) reader.skip();
          else last = reader.string();
          at += 1;
        });
        reader.end();
        expect({ at, last }).toEqual({ at: 2, last: 'data' });
      }),
    );
  });

  test('skips what is nested a million deep', () => {
    const reader = readerOf(`${'['.repeat(1e6)}${']'.repeat(1e6)}`);
    reader.skip();
    reader.end();
  });

  test('reads hex digits, lowercase ones and all of them', () => {
    const numbers = new Uint32Array(2);
    readerOf('"0123456789abcdef"').hex(numbers);
    expect([...numbers]).toEqual([0x01234567, 0x89abcdef]);
    for (const wrong of [
      '"0123456789ABCDEF"',
      '"0123456789abcde"',
      '"0123456789abcdef0"',
      '"g123456789abcdef"',
      '5',
    ])
      expect(() => readerOf(wrong).hex(numbers)).toThrow(SyntaxError);
  });

  test.each(['', '-1', '1.5', '1e3', '01', '9007199254740993', '"1"', 'null', '['])(
    'takes %p for no integer',
    (json) => {
      expect(() => readerOf(json).integer()).toThrow(SyntaxError);
    },
  );

  test('whatever is cut off or changed: an error or a value, never a hang and never past the end', () => {
    const sound = Buffer.from('{"packs":[{"id":"a\\u0041","data":12},{"id":null,"x":[true,{"y":1.5e3}]}]}');
    fc.assert(
      fc.property(
        fc.nat({ max: sound.length }),
        fc.array(fc.tuple(fc.nat({ max: sound.length - 1 }), fc.nat({ max: 255 })), { maxLength: 3 }),
        (length, changes) => {
          const bytes = Buffer.from(sound.subarray(0, length));
          for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
          const reader = new JsonReader(bytes, words);
          try {
            reader.object((key) => {
              if (key === 'packs') reader.array(() => reader.skip());
              else reader.skip();
            });
            reader.end();
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
