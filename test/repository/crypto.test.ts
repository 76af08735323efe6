import { createCipheriv } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { idOf, open, randomMasterKey, seal, sealBytes, type MasterKey } from '../../src/repository/crypto.ts';

/** Bernstein, “The Poly1305-AES message-authentication code” (2005), appendix B. */
const published = [
  {
    message: 'f3f6',
    r: '851fc40c3467ac0be05cc20404f3f700',
    k: 'ec074c835580741701425b623235add6',
    nonce: 'fb447350c4e868c52ac3275cf9d4327e',
    mac: 'f4c633c3044fc145f84f335cb81953de',
  },
  {
    message: '',
    r: 'a0f3080000f46400d0c7e9076c834403',
    k: '75deaa25c09f208e1dc4ce6b5cad3fbf',
    nonce: '61ee09218d29b0aaed7e154a2c5509cc',
    mac: 'dd3fab2251f11ac759f0887129cc2ee7',
  },
  {
    message: '663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136',
    r: '48443d0bb0d21109c89a100b5ce2c208',
    k: '6acb5f61a7176dd320c5c1eb2edcdc74',
    nonce: 'ae212a55399729595dea458bc621ff0e',
    mac: '0ee1c16bb73f0f4fd19881753c01cdbe',
  },
  {
    message:
      'ab0812724a7f1e342742cbed374d94d136c6b8795d45b3819830f2c04491faf0990c62e48b8018b2c3e4a0fa3134cb67fa83e158c994d961c4cb21095c1bf9',
    r: '12976a08c4426d0ce8a82407c4f48207',
    k: 'e1a5668a4d5b66a5f68cc5424ed5982d',
    nonce: '9ae831e743978d3a23527c7128149e3a',
    mac: '5154ad0d2cb26e01274fc51148491f1b',
  },
] as const;

const bytes = (hex: string) => Buffer.from(hex, 'hex');

describe('sealing', () => {
  test.each(published)('accepts the published Poly1305-AES tag of “$message” and no other', (vector) => {
    const key = { encrypt: Buffer.alloc(32, 7), macK: bytes(vector.k), macR: bytes(vector.r) };
    const sealed = bytes(vector.nonce + vector.message + vector.mac);
    expect(open(key, sealed)).toHaveLength(vector.message.length / 2);
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    expect(open(key, sealed)).toBeUndefined();
  });

  test('the bits of r that Poly1305 does not use make no difference', () => {
    const key = randomMasterKey();
    const clamped = Buffer.from(key.macR);
    for (const at of [3, 7, 11, 15]) clamped[at] = (clamped[at] ?? 0) & 15;
    for (const at of [4, 8, 12]) clamped[at] = (clamped[at] ?? 0) & 252;
    expect(open({ ...key, macR: clamped }, seal(key, Buffer.from('text')))?.toString()).toBe('text');
  });

  test('the counter is AES-256-CTR’s, big-endian over all sixteen bytes of the IV', () => {
    // NIST SP 800-38A, F.5.5: two blocks, so that the counter is carried on.
    const encrypt = bytes('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4');
    const plaintext = bytes('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51');
    const ciphertext = bytes('601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5');
    const key = { ...randomMasterKey(), encrypt };
    const iv = bytes('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
    const sealed = Buffer.concat([iv, ciphertext, poly1305(key, iv, ciphertext)]);
    expect(open(key, sealed)?.toString('hex')).toBe(plaintext.toString('hex'));
  });

  test('any content comes back, is longer by 32 bytes, and bears the tag that plain arithmetic gives', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (content) => {
        const key = randomMasterKey();
        const sealed = seal(key, content);
        expect(sealed).toHaveLength(content.length + sealBytes);
        expect(open(key, sealed)?.equals(content)).toBe(true);
        const tag = poly1305(key, sealed.subarray(0, 16), sealed.subarray(16, -16));
        expect(sealed.subarray(-16).toString('hex')).toBe(tag.toString('hex'));
      }),
    );
  });

  test('every single flipped bit is noticed', () => {
    const key = randomMasterKey();
    const sealed = seal(key, Buffer.from('fifteen letters'));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect({ bit, opened: open(key, flipped) }).toEqual({ bit, opened: undefined });
    }
  });

  test('every shorter and longer length is noticed', () => {
    const key = randomMasterKey();
    const sealed = seal(key, Buffer.from('fifteen letters'));
    for (let length = 0; length < sealed.length; length += 1)
      expect(open(key, sealed.subarray(0, length))).toBeUndefined();
    expect(open(key, Buffer.concat([sealed, Buffer.alloc(1)]))).toBeUndefined();
  });

  test('an all-zero IV is refused, even under a right tag', () => {
    const key = randomMasterKey();
    const content = Buffer.from('x');
    const iv = Buffer.alloc(16);
    expect(open(key, Buffer.concat([iv, content, poly1305(key, iv, content)]))).toBeUndefined();
    iv[15] = 1;
    expect(open(key, Buffer.concat([iv, content, poly1305(key, iv, content)]))).toHaveLength(1);
  });

  test('another key opens nothing, and the same content is never sealed alike', () => {
    const key = randomMasterKey();
    const content = Buffer.alloc(64);
    const sealed = Array.from({ length: 100 }, () => seal(key, content).toString('hex'));
    expect(new Set(sealed.map((hex) => hex.slice(0, 32))).size).toBe(100);
    expect(open(randomMasterKey(), bytes(sealed[0] ?? ''))).toBeUndefined();
    for (const part of ['macK', 'macR'] as const)
      expect(open({ ...key, [part]: randomMasterKey()[part] }, bytes(sealed[0] ?? ''))).toBeUndefined();
  });
});

test('IDs are the SHA-256 in lowercase hex', () => {
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(idOf(Buffer.from('abc'))).toBe(abc);
});

/** Poly1305-AES as its paper defines it, in plain arithmetic. */
function poly1305({ macK, macR }: MasterKey, nonce: Uint8Array, message: Uint8Array): Buffer {
  const prime = (1n << 130n) - 5n;
  const r = littleEndian(macR) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = Buffer.concat([message.subarray(at, at + 16), Buffer.of(1)]);
    sum = ((sum + littleEndian(block)) * r) % prime;
  }
  const pad = createCipheriv('aes-128-ecb', macK, null).setAutoPadding(false).update(nonce);
  const tag = (sum + littleEndian(pad)) & ((1n << 128n) - 1n);
  return bytes(tag.toString(16).padStart(32, '0')).reverse();
}

function littleEndian(of: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(of).reverse().toString('hex')}`);
}
