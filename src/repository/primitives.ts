import { createCipheriv } from 'node:crypto';
import { createRequire } from 'node:module';
import { crc32 } from 'node:zlib';
import type Koffi from 'koffi';
import type { KoffiFunc } from 'koffi';
import { compress, decompress } from './compression.ts';
import { poly1305Tag } from './kernels.ts';

/**
 * What sealing is made of, over buffers that the caller owns. `to` may be `from` where lengths are the same.
 */
export interface Primitives {
  /** One zstd frame; the bytes written, or undefined where it would not fit. */
  compress(from: Uint8Array, to: Uint8Array, level: number): number | undefined;
  /** The bytes written, or undefined where `from` is no zstd or holds more than fits. */
  decompress(from: Uint8Array, to: Uint8Array): number | undefined;
  /** AES-256 in counter mode, which is the same both ways. */
  crypt(key: Uint8Array, iv: Uint8Array, from: Uint8Array, to: Uint8Array): void;
  /** Poly1305 with a one-time key of 32 bytes. */
  tag(key: Uint8Array, message: Uint8Array): Buffer;
  /** A quick check of a message, below 2^64; the same in all threads of this process and nowhere else. */
  mark(message: Uint8Array): number;
}

/** By what Node's own modules offer, and our kernel. */
export const plainPrimitives: Primitives = {
  compress(from, to, level) {
    const compressed = compress(from, level);
    if (compressed.length > to.length) return undefined;
    to.set(compressed);
    return compressed.length;
  },
  decompress(from, to) {
    try {
      const plaintext = decompress(from, to.length);
      to.set(plaintext);
      return plaintext.length;
    } catch {
      return undefined;
    }
  },
  crypt(key, iv, from, to) {
    to.set(createCipheriv('aes-256-ctr', key, iv).update(from));
  },
  tag: poly1305Tag,
  mark: crc32,
};

let loaded: Primitives | undefined;

/**
 * The same zstd and OpenSSL, which Node's binary exports for its addons, called without the modules around them: these
 * make a new context for each call, which costs more than to compress a small file, and have no Poly1305. What of it
 * is not there, or does not do what it should, is done by `plainPrimitives`.
 */
export function loadPrimitives(): Primitives {
  loaded ??= nativePrimitives() ?? plainPrimitives;
  return loaded;
}

type NativeFunction = KoffiFunc<(...values: unknown[]) => unknown>;

/** The number of zstd’s parameter. */
const compressionLevel = 100;

function nativePrimitives(): Primitives | undefined {
  try {
    // oxlint-disable-next-line no-unsafe-type-assertion -- the types of koffi's own.
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    const library = koffi.load(null);
    const native = bind((signature) => library.func(signature));
    return isRight(native) ? native : undefined;
  } catch {
    return undefined;
  }
}

function bind(func: (signature: string) => NativeFunction): Primitives {
  const compress2 = func('size_t ZSTD_compress2(void *c, void *to, size_t room, void *from, size_t length)');
  const decompressDCtx = func(
    'size_t ZSTD_decompressDCtx(void *c, void *to, size_t room, void *from, size_t length)',
  );
  const encryptInit = func('int EVP_EncryptInit_ex(void *c, void *type, void *engine, void *key, void *iv)');
  const encryptUpdate = func(
    'int EVP_EncryptUpdate(void *c, void *to, void *written, void *from, int length)',
  );
  const macInit = func('int EVP_MAC_init(void *c, void *key, size_t length, void *parameters)');
  const macUpdate = func('int EVP_MAC_update(void *c, void *from, size_t length)');
  const macFinal = func('int EVP_MAC_final(void *c, void *to, void *written, size_t room)');

  const xxh64 = func('uint64_t ZSTD_XXH64(void *from, size_t length, uint64_t seed)');

  // One of each, and of each level, for as long as the thread lives: that is what this is for.
  const createCompressor = func('void *ZSTD_createCCtx()');
  const setParameter = func('size_t ZSTD_CCtx_setParameter(void *c, int parameter, int value)');
  const compressors = new Map<number, unknown>();
  const compressorOf = (level: number): unknown => {
    let compressor = compressors.get(level);
    if (compressor === undefined) {
      compressor = createCompressor();
      setParameter(compressor, compressionLevel, level);
      compressors.set(level, compressor);
    }
    return compressor;
  };
  const decompressor = func('void *ZSTD_createDCtx()')();
  const cipher = func('void *EVP_CIPHER_CTX_new()')();
  const counterMode = func('void *EVP_aes_256_ctr()')();
  const mac = func('void *EVP_MAC_CTX_new(void *type)')(
    func('void *EVP_MAC_fetch(void *library, const char *name, const char *properties)')(
      null,
      'POLY1305',
      null,
    ),
  );
  const written = Buffer.alloc(8);
  let cipherKey: Uint8Array | undefined;

  return {
    compress: (from, to, level) => lengthOf(compress2(compressorOf(level), to, to.length, from, from.length)),
    decompress: (from, to) => lengthOf(decompressDCtx(decompressor, to, to.length, from, from.length)),
    crypt(key, iv, from, to) {
      const isSameKey = cipherKey === key;
      const isReady = isSameKey
        ? encryptInit(cipher, null, null, null, iv)
        : encryptInit(cipher, counterMode, null, key, iv);
      cipherKey = key;
      if (isReady !== 1 || encryptUpdate(cipher, to, written, from, from.length) !== 1)
        throw new Error('AES-256-CTR failed');
    },
    tag(key, message) {
      const tag = Buffer.allocUnsafe(16);
      const isDone =
        macInit(mac, key, key.length, null) === 1 &&
        macUpdate(mac, message, message.length) === 1 &&
        macFinal(mac, tag, written, tag.length) === 1;
      if (!isDone) throw new Error('Poly1305 failed');
      return tag;
    },
    mark: (message) => Number(xxh64(message, message.length, 0)),
  };
}

/** zstd's errors are the highest numbers that there are, which are too large for any length. */
function lengthOf(result: unknown): number | undefined {
  return typeof result === 'number' && result < 2 ** 40 ? result : undefined;
}

/** Held against the plain ones before anything is trusted to it. */
function isRight(native: Primitives): boolean {
  const message = Buffer.from('The same bytes, whoever seals them. '.repeat(50));
  const key = Buffer.from(Array.from({ length: 32 }, (_, at) => 251 * at));
  const iv = key.subarray(7, 23);
  const [sealed, expected] = [Buffer.alloc(message.length), Buffer.alloc(message.length)];
  native.crypt(key, iv, message, sealed);
  plainPrimitives.crypt(key, iv, message, expected);
  const packed = Buffer.alloc(message.length);
  const length = native.compress(message, packed, 1);
  const unpacked = Buffer.alloc(message.length);
  return (
    sealed.equals(expected) &&
    native.tag(key, message).equals(plainPrimitives.tag(key, message)) &&
    length !== undefined &&
    native.mark(message) === native.mark(Buffer.from(message)) &&
    native.mark(message) !== native.mark(sealed) &&
    native.compress(message, Buffer.alloc(8), 1) === undefined &&
    plainPrimitives.decompress(packed.subarray(0, length), unpacked) === message.length &&
    native.decompress(packed.subarray(0, length), unpacked.fill(0)) === message.length &&
    unpacked.equals(message) &&
    native.decompress(packed.subarray(0, length), Buffer.alloc(8)) === undefined &&
    native.decompress(message, unpacked) === undefined
  );
}
