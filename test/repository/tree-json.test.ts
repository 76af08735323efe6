import { describe, expect, test } from '@jest/globals';
import { encodeTreeJson, parseTreeJson } from '../../src/repository/tree-json.ts';

describe('a tree that is parsed to be changed', () => {
  test.each([
    [
      'numbers beyond 2^53',
      '{"nodes":[{"name":"a","inode":18446744073709551615,"device_id":12345678901234567890}]}\n',
    ],
    [
      'a name that looks like such a number',
      '{"nodes":[{"name":"\\"inode\\":1234567890123456789","user":"x"}]}\n',
    ],
    ['what Go escapes', '{"nodes":[{"name":"\\u003ca\\u003e\\u0026\\u2028","content":null}]}\n'],
    [
      'fields of a later version',
      '{"nodes":[{"name":"a","generic_attributes":{"windows.x":"AQ=="},"new":[1,2]}]}\n',
    ],
    ['no nodes', '{"nodes":[]}\n'],
  ])('comes out byte for byte: %s', (_, json) => {
    const tree = parseTreeJson(Buffer.from(json));
    expect(tree && encodeTreeJson(tree).toString()).toBe(json);
  });

  test.each(['', '[]', '{}', '{"nodes":1}', '{"nodes":[1]}', '{"nodes":[{'])(
    'is none where it is %j',
    (json) => {
      expect(parseTreeJson(Buffer.from(json))).toBeUndefined();
    },
  );
});
