import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { decodeTree, encodeTree, type Node } from '../../src/repository/tree.ts';

const time = '2026-11-24T00:11:20.324597406Z';
const id = 'ab'.repeat(32);

function node(fields: Partial<Node> = {}): Node {
  return {
    name: Buffer.from('a'),
    type: 'file',
    mode: 0o644,
    mtime: time,
    atime: time,
    ctime: time,
    uid: 0,
    gid: 0,
    user: 'root',
    group: 'root',
    inode: 9_986_051n,
    deviceId: 65_024n,
    size: 3,
    links: 1,
    device: 0n,
    content: [id],
    ...fields,
  };
}

const name = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((bytes) => Buffer.from(bytes))
  .filter(
    (bytes) => !bytes.includes(0) && !bytes.includes(0x2f) && !/^\.\.?$/.test(bytes.toString('latin1')),
  );
const unicodeName = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .map((text) => Buffer.from(text))
  .filter(
    (bytes) => !bytes.includes(0) && !bytes.includes(0x2f) && !/^\.\.?$/.test(bytes.toString('latin1')),
  );
const big = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const anyNode: fc.Arbitrary<Node> = fc
  .record({
    name: fc.oneof(name, unicodeName),
    mode: fc.integer({ min: 0, max: 0xffffffff }),
    uid: fc.integer({ min: 0, max: 0xffffffff }),
    user: fc.string({ unit: 'grapheme' }),
    inode: big,
    deviceId: big,
    device: big,
    size: fc.maxSafeNat(),
    links: fc.nat(),
    linkTarget: fc.option(name, { nil: undefined }),
    attributes: fc.array(
      fc.record({ name: fc.string(), value: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }),
      { minLength: 1 },
    ),
    content: fc.option(fc.array(fc.constant(id)), { nil: undefined }),
  })
  .map(({ linkTarget, attributes, content, ...fields }) => {
    const { content: _none, ...rest } = node(fields);
    return {
      ...rest,
      extendedAttributes: attributes,
      ...(linkTarget ? { linkTarget } : {}),
      ...(content ? { content } : {}),
    };
  });

describe('a tree', () => {
  test('decodes to what was encoded, whatever bytes the names hold', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyNode, { selector: (one) => one.name.toString('hex') }), (nodes) => {
        const sorted = [...nodes].sort((a, b) => a.name.compare(b.name));
        expect(decodeTree(encodeTree(nodes))).toEqual(sorted);
      }),
    );
  });

  test('is written field by field as restic writes it', () => {
    const json = encodeTree([
      node({ extendedAttributes: [{ name: 'user.z', value: Buffer.from('1') }], links: 2 }),
      node({ name: Buffer.from('e'), size: 0, content: [] }),
    ]).toString();
    expect(json).toBe(
      `{"nodes":[{"name":"a","type":"file","mode":420,"mtime":"${time}","atime":"${time}","ctime":"${time}","uid":0,"gid":0,` +
        `"user":"root","group":"root","inode":9986051,"device_id":65024,"size":3,"links":2,` +
        `"extended_attributes":[{"name":"user.z","value":"MQ=="}],"content":["${id}"]},` +
        `{"name":"e","type":"file","mode":420,"mtime":"${time}","atime":"${time}","ctime":"${time}","uid":0,"gid":0,` +
        `"user":"root","group":"root","inode":9986051,"device_id":65024,"links":1,"content":[]}]}\n`,
    );
  });

  test.each([
    ['quotes and backslashes', Buffer.from('"\\'), String.raw`\\\"\\\\`],
    ['HTML', Buffer.from('<&>'), String.raw`\u003c\u0026\u003e`],
    ['control characters', Buffer.from('\n\t\u0001\u007f'), String.raw`\\n\\t\\x01\\x7f`],
    ['a line separator', Buffer.from('\u2028'), String.raw`\\u2028`],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0x41]), String.raw`\\xffA`],
    ['printable Unicode', Buffer.from('é😀'), 'é😀'],
    ['an unassigned character', Buffer.from('\u{e0080}'), String.raw`\\U000e0080`],
    ['a character newer than Go', Buffer.from('\u{1fae9}'), String.raw`\\U0001fae9`],
  ])('quotes %s in a name as Go does', (_what, name, quoted) => {
    expect(encodeTree([node({ name })]).toString()).toContain(`{"name":"${quoted}","type"`);
  });

  test('keeps a link target that is no UTF-8 raw beside its readable form', () => {
    const json = encodeTree([
      node({ type: 'symlink', linkTarget: Buffer.from([0x61, 0xff, 0x3c]) }),
    ]).toString();
    expect(json).toContain(String.raw`"linktarget":"a\ufffd\u003c","linktarget_raw":"Yf88"`);
  });

  test('sorts by raw bytes, not by UTF-16', () => {
    const [astral, high] = [Buffer.from('\u{1f600}'), Buffer.from('\uff00')];
    expect(
      decodeTree(encodeTree([node({ name: astral }), node({ name: high })])).map((one) => one.name),
    ).toEqual([high, astral]);
  });

  test('never writes two entries of one name', () => {
    expect(() => encodeTree([node(), node()])).toThrow(RelocateError);
  });

  test('keeps an inode above 2^53 exact', () => {
    const [decoded] = decodeTree(encodeTree([node({ inode: 18_446_744_073_709_551_615n })]));
    expect(decoded?.inode).toBe(18_446_744_073_709_551_615n);
  });
});

const hostileNode = (fields: Record<string, unknown>) => ({
  name: 'a',
  type: 'file',
  mtime: time,
  atime: time,
  ctime: time,
  uid: 0,
  gid: 0,
  content: null,
  ...fields,
});

describe('a hostile tree', () => {
  test.each<[string, unknown]>([
    ['no object', []],
    ['no list of nodes', { nodes: 7 }],
    ['a node that is null', { nodes: [null] }],
    ['an empty name', { nodes: [hostileNode({ name: '' })] }],
    ['the name .', { nodes: [hostileNode({ name: '.' })] }],
    ['the name ..', { nodes: [hostileNode({ name: '..' })] }],
    ['the name .. in disguise', { nodes: [hostileNode({ name: String.raw`\x2e\056` })] }],
    ['a slash', { nodes: [hostileNode({ name: '../../etc/passwd' })] }],
    ['a slash in disguise', { nodes: [hostileNode({ name: String.raw`..\x2fetc` })] }],
    ['a zero byte', { nodes: [hostileNode({ name: String.raw`a\x00` })] }],
    ['a broken escape', { nodes: [hostileNode({ name: String.raw`a\q` })] }],
    ['a bare quote', { nodes: [hostileNode({ name: 'a"b' })] }],
    ['a name that is no text', { nodes: [hostileNode({ name: 5 })] }],
    ['one name twice', { nodes: [hostileNode({}), hostileNode({ type: 'symlink', linktarget: '/etc' })] }],
    ['names out of order', { nodes: [hostileNode({ name: 'b' }), hostileNode({ name: 'a' })] }],
    ['an unknown type', { nodes: [hostileNode({ type: 'irregular' })] }],
    ['a negative size', { nodes: [hostileNode({ size: -1 })] }],
    ['a size past what a number holds', { nodes: [hostileNode({ size: 2 ** 60 })] }],
    ['a user that no system has', { nodes: [hostileNode({ uid: 2 ** 32 })] }],
    ['an ID that is a path', { nodes: [hostileNode({ content: ['../../key'] })] }],
    ['a folder without a tree', { nodes: [hostileNode({ type: 'dir' })] }],
    ['a tree that is no ID', { nodes: [hostileNode({ type: 'dir', subtree: 'x' })] }],
    ['a link without a target', { nodes: [hostileNode({ type: 'symlink' })] }],
    ['a link target with a zero byte', { nodes: [hostileNode({ type: 'symlink', linktarget: 'a\0b' })] }],
    ['a time that is none', { nodes: [hostileNode({ mtime: 'yesterday' })] }],
    ['attributes that are no list', { nodes: [hostileNode({ extended_attributes: {} })] }],
  ])('with %s is refused', (_what, tree) => {
    expect(() => decodeTree(Buffer.from(JSON.stringify(tree)))).toThrow(
      expect.objectContaining({ code: 'snapshot-hostile' }),
    );
  });

  test('nested absurdly deep is refused, not a crash', () => {
    const json = Buffer.from(`{"nodes":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    expect(() => decodeTree(json)).toThrow(expect.objectContaining({ code: 'snapshot-hostile' }));
  });

  test('cannot forge a number from inside a string', () => {
    const forged = hostileNode({ user: '","inode":12345678901234567890,"x":"' });
    const [decoded] = decodeTree(Buffer.from(JSON.stringify({ nodes: [forged] })));
    expect(decoded?.user).toBe('","inode":12345678901234567890,"x":"');
    expect(decoded?.inode).toBe(0n);
  });
});
