import { createHash } from 'node:crypto';
import { RelocateError } from '../errors.ts';
import { runDocker } from './images-engine.ts';
import { blobPath, digestOf, layersOfConfig, layoutFiles, type SavedImage } from './images-layout.ts';
import { tarEnd, tarHeader, tarPadding } from './images-tar.ts';
import type { SavedTree } from './source.ts';

/** No configuration of an image is larger. */
const maxConfigBytes = 8 * 1024 * 1024;

const loadHint =
  'Images that were loaded already stay, nothing else was changed. Is there room where Docker keeps its images? Go on with: relocate deploy --resume';

export interface LoadTools {
  saved: SavedTree;
  signal: AbortSignal;
  onBytes: (bytes: number) => void;
}

/**
 * Streams images of a snapshot into the engine, under one name each. Nothing of them is believed: what does not have
 * the digest that it is named by ends the stream before the engine is told that there is an image at all.
 * Throws `snapshot-hostile`, `restore-failed`.
 */
export async function loadImages(
  images: readonly SavedImage[],
  nameOf: (image: SavedImage) => string,
  tools: LoadTools,
): Promise<void> {
  let refusal: { error: unknown } | undefined;
  const input = async function* (): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* archive(images, nameOf, tools);
    } catch (error) {
      // Why the stream ended says more than what the engine makes of its end.
      refusal = { error };
    }
  };
  try {
    await runDocker(['load', '--quiet'], {
      input: input(),
      failure: 'restore-failed',
      hint: loadHint,
      signal: tools.signal,
    });
  } catch (error) {
    if (refusal === undefined) throw error;
  }
  if (refusal !== undefined) throw refusal.error;
}

/** What makes them images comes last: an archive that was cut off holds none. */
async function* archive(
  images: readonly SavedImage[],
  nameOf: (image: SavedImage) => string,
  tools: LoadTools,
): AsyncGenerator<Uint8Array, void, void> {
  const written = new Set<string>();
  for (const image of images) {
    await checkConfig(tools.saved, image);
    const parts = [{ digest: image.id, sizeBytes: image.configBytes }, ...image.layers];
    for (const part of parts) {
      if (written.has(part.digest)) continue;
      written.add(part.digest);
      yield* blob(part, tools);
    }
  }
  for (const { name, content } of layoutFiles(images, (image) => [nameOf(image)])) {
    const bytes = Buffer.from(content);
    yield tarHeader(name, bytes.length);
    yield bytes;
    yield tarPadding(bytes.length);
  }
  yield tarEnd();
}

async function* blob(
  { digest, sizeBytes }: { digest: string; sizeBytes: number },
  { saved, signal, onBytes }: LoadTools,
): AsyncGenerator<Uint8Array, void, void> {
  const hash = createHash('sha256');
  let givenBytes = 0;
  yield tarHeader(blobPath(digest), sizeBytes);
  for await (const part of saved.read(blobPath(digest))) {
    signal.throwIfAborted();
    givenBytes += part.length;
    if (givenBytes > sizeBytes) throw wrongDigest(digest);
    hash.update(part);
    onBytes(part.length);
    yield part;
  }
  if (`sha256:${hash.digest('hex')}` !== digest || givenBytes !== sizeBytes) throw wrongDigest(digest);
  yield tarPadding(sizeBytes);
}

/** A configuration that names other layers would be an image that nobody captured. */
async function checkConfig(saved: SavedTree, image: SavedImage): Promise<void> {
  const parts: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const part of saved.read(blobPath(image.id))) {
    sizeBytes += part.length;
    if (sizeBytes > maxConfigBytes) throw wrongDigest(image.id);
    parts.push(part);
  }
  const content = Buffer.concat(parts);
  if (digestOf(content) !== image.id || content.length !== image.configBytes) throw wrongDigest(image.id);
  const named = layersOfConfig(content)?.layers.join();
  if (named !== image.layers.map(({ digest }) => digest).join()) throw wrongDigest(image.id);
}

function wrongDigest(digest: string): RelocateError {
  return new RelocateError(
    'snapshot-hostile',
    'A part of an image in the snapshot is not what its name says.',
    {
      facts: { digest },
      hint: 'The image was not loaded. Deploy another snapshot: relocate snapshots',
    },
  );
}
