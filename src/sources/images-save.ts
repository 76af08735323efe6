import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { RelocateError } from '../errors.ts';
import { lastWords } from './images-engine.ts';
import { blobPath, digestOf } from './images-layout.ts';
import type { CaptureSlot } from './source.ts';

/** Configurations and manifests of images are no larger; what is, is a layer. */
const maxDocumentBytes = 4 * 1024 * 1024;

export interface SavedParts {
  /** Layers that the slot has, by digest. */
  layers: Map<string, { sizeBytes: number }>;
  /** Configurations and manifests, by digest; they are not in the slot yet. */
  documents: Map<string, Buffer>;
}

/**
 * Streams what `docker save` gives of the images into the slot: each of the layers wanted once, unpacked, named by its
 * digest, which nobody knows before it has passed (Docker before 25 calls it `<id>/layer.tar`). Throws `source-failed`.
 */
export async function saveImages(
  ids: readonly string[],
  wanted: ReadonlySet<string>,
  parts: SavedParts,
  { slot, signal }: { slot: CaptureSlot; signal: AbortSignal },
): Promise<void> {
  const { execa } = await import('execa');
  const { extract } = await import('tar-stream');
  const program = execa('docker', ['save', ...ids], {
    stdin: 'ignore',
    stderr: 'pipe',
    buffer: { stdout: false },
    maxBuffer: 1024 * 1024,
    reject: false,
    cancelSignal: signal,
  });
  const archive = extract();
  const piped = pipeline(program.stdout, archive);
  piped.catch(() => {});
  try {
    for await (const entry of archive) {
      const { type, name, size } = entry.header;
      if (type === 'file') await takeFile(name, size, bytesOf(entry), { wanted, parts, slot });
      entry.resume();
    }
    await piped;
  } catch (cause) {
    program.kill();
    signal.throwIfAborted();
    if (cause instanceof RelocateError) throw cause;
    const { stderr } = await program;
    throw saveFailed(stderr === '' && cause instanceof Error ? cause.message : stderr, cause);
  }
  const { exitCode, stderr } = await program;
  signal.throwIfAborted();
  if (exitCode !== 0) throw saveFailed(stderr);
}

interface Taking {
  wanted: ReadonlySet<string>;
  parts: SavedParts;
  slot: CaptureSlot;
}

async function takeFile(
  name: string,
  sizeBytes: number,
  content: AsyncIterable<Uint8Array>,
  taking: Taking,
): Promise<void> {
  const isLayer = name.endsWith('/layer.tar') || name.startsWith('blobs/');
  if (sizeBytes > maxDocumentBytes) {
    if (isLayer) await takeLayer(content, taking);
    return;
  }
  const whole = await readWhole(content);
  const digest = digestOf(whole);
  if (!taking.wanted.has(digest) && isDocument(whole)) taking.parts.documents.set(digest, whole);
  else if (isLayer) await takeLayer(once(whole), taking);
}

function isDocument(content: Buffer): boolean {
  if (content[0] !== '{'.charCodeAt(0)) return false;
  try {
    JSON.parse(content.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

async function takeLayer(content: AsyncIterable<Uint8Array>, { wanted, parts, slot }: Taking): Promise<void> {
  const hash = createHash('sha256');
  let digest = '';
  const nameIt = (): string | undefined => {
    digest = `sha256:${hash.digest('hex')}`;
    return wanted.has(digest) && !parts.layers.has(digest) ? blobPath(digest) : undefined;
  };
  const { sizeBytes } = await slot.addFile(nameIt, hashed(unpacked(content), hash));
  if (wanted.has(digest)) parts.layers.set(digest, { sizeBytes });
}

async function* hashed(
  content: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const part of content) {
    hash.update(part);
    yield part;
  }
}

/** Engines that keep images in containerd give layers as they were pulled. Unpacked, they deduplicate and compress here. */
async function* unpacked(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const parts = content[Symbol.asyncIterator]();
  const first = await parts.next();
  if (first.done === true) return;
  const whole = async function* (): AsyncGenerator<Uint8Array, void, void> {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => parts };
  };
  const head = Buffer.from(first.value.subarray(0, 4)).toString('hex');
  const unpacker = head.startsWith('1f8b')
    ? createGunzip()
    : head === '28b52ffd'
      ? createZstdDecompress()
      : undefined;
  if (unpacker === undefined) {
    yield* whole();
    return;
  }
  const piped = pipeline(Readable.from(whole()), unpacker);
  piped.catch(() => {});
  yield* bytesOf(unpacker);
  await piped;
}

async function* bytesOf(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, void> {
  for await (const part of stream) {
    if (!(part instanceof Uint8Array)) throw new TypeError('a stream of bytes gave something else');
    yield part;
  }
}

async function readWhole(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

// oxlint-disable-next-line typescript/require-await -- a stream of one part
async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield content;
}

function saveFailed(words: string, cause?: unknown): RelocateError {
  return new RelocateError('source-failed', `The images could not be read: ${lastWords(words)}`, {
    hint: 'No snapshot was made; earlier ones are untouched. See “docker image ls”, and run the same command again.',
    cause,
  });
}
