import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { poly1305Tag } from './kernels.ts';

/**
 * Sealing as in restic's design document, "Keys, Encryption and MAC": AES-256-CTR, then Poly1305 over the ciphertext
 * with a one-time key. A sealed unit is `IV(16) ‖ ciphertext ‖ MAC(16)`.
 */
export interface MasterKey {
  /** 32 bytes. */
  encrypt: Buffer;
  /** 16 bytes: the AES key that turns the IV into the one-time half of the MAC key. */
  macK: Buffer;
  /** 16 bytes. */
  macR: Buffer;
}

/** As a thread gets it: Buffers come out of a message as plain arrays of bytes. */
export type SentKey = Record<keyof MasterKey, Uint8Array>;

export const receivedKey = ({ encrypt, macK, macR }: SentKey): MasterKey => ({
  encrypt: Buffer.from(encrypt),
  macK: Buffer.from(macK),
  macR: Buffer.from(macR),
});

export const ivBytes = 16;
export const macBytes = 16;
export const sealBytes = ivBytes + macBytes;

export function randomMasterKey(): MasterKey {
  return { encrypt: randomBytes(32), macK: randomBytes(16), macR: randomBytes(16) };
}

export function seal(key: MasterKey, plaintext: Uint8Array): Buffer<ArrayBuffer> {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-ctr', key.encrypt, iv);
  const ciphertext = cipher.update(plaintext);
  const sealed = Buffer.allocUnsafeSlow(plaintext.length + sealBytes);
  iv.copy(sealed, 0);
  ciphertext.copy(sealed, ivBytes);
  sealed.set(mac(key, iv, ciphertext), ivBytes + ciphertext.length);
  return sealed;
}

/** The plaintext, or undefined when the MAC is wrong: other key, or damage. Nothing unauthenticated is ever returned. */
export function open(key: MasterKey, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < sealBytes) return undefined;
  const iv = sealed.subarray(0, ivBytes);
  if (iv.every((byte) => byte === 0)) return undefined;
  const ciphertext = sealed.subarray(ivBytes, sealed.length - macBytes);
  if (!timingSafeEqual(mac(key, iv, ciphertext), sealed.subarray(sealed.length - macBytes))) return undefined;
  return createDecipheriv('aes-256-ctr', key.encrypt, iv).update(ciphertext);
}

function mac(key: MasterKey, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const block = createCipheriv('aes-128-ecb', key.macK, null).setAutoPadding(false).update(iv);
  return poly1305Tag(Buffer.concat([key.macR, block]), ciphertext);
}

/** 256 bits in hex that tell nothing of the key: HKDF-SHA256 with the repository’s ID as salt, `purpose` as info. */
export function deriveSecret({ encrypt, macK, macR }: MasterKey, salt: string, purpose: string): string {
  const secret = hkdfSync('sha256', Buffer.concat([encrypt, macK, macR]), salt, purpose, 32);
  return Buffer.from(secret).toString('hex');
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function idOf(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}
