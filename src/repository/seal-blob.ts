import { createCipheriv, randomFillSync, timingSafeEqual, type Cipheriv } from 'node:crypto';
import { RelocateError } from '../errors.ts';
import { levelFor, maxPlainBytes, type Compression } from './compression.ts';
import { ivBytes, macBytes, sealBytes, type MasterKey } from './crypto.ts';
import type { PlacedBlob } from './blob-tasks.ts';
import type { Primitives } from './primitives.ts';

/** What came of sealing a blob in place. */
export interface Sealed {
  /** Bytes from the beginning of the place, which the IV stands at. */
  length: number;
  /** 0 when it is stored uncompressed. */
  uncompressedLength: number;
}

/** What compresses less than this is stored as it is, if its samples say so. */
const worthwhileShare = 0.98;
const sampleBytes = 8 * 1024;
/** Smaller blobs are compressed in less time than it takes to find out whether that is worthwhile. */
const sampledBytes = 128 * 1024;
const sampleLevel = 1;

/** Seals and opens blobs in buffers of the caller's. One for each thread: it holds room to work in. */
export class Sealer {
  readonly #key: MasterKey;
  readonly #compression: Compression;
  readonly #primitives: Primitives;
  /** The AES key that turns an IV into half of a one-time key; block by block, so that one cipher does for all. */
  readonly #macCipher: Cipheriv;
  readonly #macKey: Buffer;
  readonly #macIv = Buffer.alloc(ivBytes);
  readonly #ivs = Buffer.alloc(ivBytes * 256);
  #ivAt = this.#ivs.length;
  /** For what is compressed, or opened: never both at a time. */
  #packed: Buffer = Buffer.alloc(0);
  #unpacked: Buffer = Buffer.alloc(0);

  constructor(key: MasterKey, primitives: Primitives, compression: Compression = 'auto') {
    this.#key = key;
    this.#compression = compression;
    this.#primitives = primitives;
    this.#macCipher = createCipheriv('aes-128-ecb', key.macK, null).setAutoPadding(false);
    this.#macKey = Buffer.concat([key.macR, Buffer.alloc(16)]);
  }

  /** A check of a plaintext, at a tenth of a digest’s cost. */
  markOf(plaintext: Uint8Array): number {
    return this.#primitives.mark(plaintext);
  }

  /**
   * Seals the `length` bytes that stand 16 bytes behind the beginning of `place`, into `place`, which has room for 16
   * more behind them; compressed where that is smaller. What is there then is opened again and must be what the ID was
   * made of, by the mark that was made along with it: a bit that flipped in memory, or a fault of what compresses and
   * encrypts, is found here. Throws `internal` where there was one.
   */
  seal(place: Buffer, { length, mark }: Pick<PlacedBlob, 'length' | 'mark'>): Sealed {
    const plaintext = place.subarray(ivBytes, ivBytes + length);
    const packedBytes = this.#compress(plaintext);
    const content = packedBytes === undefined ? plaintext : this.#packed.subarray(0, packedBytes);
    const ciphertext = place.subarray(ivBytes, ivBytes + content.length);
    const iv = place.subarray(0, ivBytes);
    this.#nextIv().copy(iv);
    this.#primitives.crypt(this.#key.encrypt, iv, content, ciphertext);
    this.#tagOf(iv, ciphertext).copy(place, ivBytes + ciphertext.length);
    const sealed = {
      length: ciphertext.length + sealBytes,
      uncompressedLength: packedBytes === undefined ? 0 : length,
    };
    const opened = this.open(place.subarray(0, sealed.length), sealed.uncompressedLength);
    if (opened?.length !== length || this.markOf(opened) !== mark) {
      throw new RelocateError('internal', 'A blob changed while it was being sealed.', {
        hint: 'Nothing wrong was stored. This machine’s memory may be faulty: test it, then run the command again.',
      });
    }
    return sealed;
  }

  /**
   * The plaintext, which is good until the next call, or undefined where the bytes are not what was sealed: nothing
   * unauthenticated is given. The caller compares the digest.
   */
  open(sealed: Buffer, uncompressedLength: number): Buffer | undefined {
    this.#packed = atLeast(this.#packed, sealed.length);
    return this.#open(sealed, uncompressedLength, this.#packed);
  }

  /** The same, with less memory and in less time: the sealed bytes are gone afterwards. */
  openInPlace(sealed: Buffer, uncompressedLength: number): Buffer | undefined {
    return this.#open(sealed, uncompressedLength, sealed.subarray(ivBytes));
  }

  #open(sealed: Buffer, uncompressedLength: number, room: Buffer): Buffer | undefined {
    if (sealed.length < sealBytes || uncompressedLength > maxPlainBytes) return undefined;
    const iv = sealed.subarray(0, ivBytes);
    if (iv.every((byte) => byte === 0)) return undefined;
    const ciphertext = sealed.subarray(ivBytes, sealed.length - macBytes);
    if (!timingSafeEqual(this.#tagOf(iv, ciphertext), sealed.subarray(sealed.length - macBytes)))
      return undefined;
    const content = room.subarray(0, ciphertext.length);
    this.#primitives.crypt(this.#key.encrypt, iv, ciphertext, content);
    if (uncompressedLength === 0) return content;
    this.#unpacked = atLeast(this.#unpacked, uncompressedLength);
    const plaintext = this.#unpacked.subarray(0, uncompressedLength);
    return this.#primitives.decompress(content, plaintext) === uncompressedLength ? plaintext : undefined;
  }

  /** The compressed length, if that is less. */
  #compress(plaintext: Buffer): number | undefined {
    const level = levelFor(this.#compression, plaintext.length);
    if (level === undefined) return undefined;
    this.#packed = atLeast(this.#packed, plaintext.length);
    if (plaintext.length >= sampledBytes && !this.#isWorthwhile(plaintext)) return undefined;
    return this.#primitives.compress(plaintext, this.#packed.subarray(0, plaintext.length - 1), level);
  }

  /** By what lies at three places: pictures, archives and what is encrypted show it everywhere. */
  #isWorthwhile(plaintext: Buffer): boolean {
    const room = this.#packed.subarray(0, sampleBytes * worthwhileShare);
    return [1, 3, 5].some((sixth) => {
      const at = Math.floor((plaintext.length * sixth) / 6);
      const sample = plaintext.subarray(at, at + sampleBytes);
      return this.#primitives.compress(sample, room, sampleLevel) !== undefined;
    });
  }

  #tagOf(iv: Buffer, ciphertext: Buffer): Buffer {
    // What was sealed is opened next, with the same one-time key.
    if (!this.#macIv.equals(iv)) {
      iv.copy(this.#macIv);
      this.#macCipher.update(iv).copy(this.#macKey, 16);
    }
    return this.#primitives.tag(this.#macKey, ciphertext);
  }

  #nextIv(): Buffer {
    if (this.#ivAt === this.#ivs.length) {
      randomFillSync(this.#ivs);
      this.#ivAt = 0;
    }
    this.#ivAt += ivBytes;
    return this.#ivs.subarray(this.#ivAt - ivBytes, this.#ivAt);
  }
}

/** Room to work in is kept and seldom grows: fresh memory is slow. */
function atLeast(buffer: Buffer, length: number): Buffer {
  return buffer.length >= length
    ? buffer
    : Buffer.allocUnsafeSlow(Math.max(64 * 1024, 2 ** Math.ceil(Math.log2(length))));
}
