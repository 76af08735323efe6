import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import {
  composeImages,
  engineVersion,
  inspectImage,
  type EngineImage,
  type ServiceImage,
} from './images-engine.ts';
import {
  blobPath,
  digestOf,
  imageDetails,
  layersOfConfig,
  layoutFiles,
  manifestDigest,
  tagOf,
  type ImageDetails,
  type SavedImage,
} from './images-layout.ts';
import { loadImages } from './images-load.ts';
import { saveImages, type SavedParts } from './images-save.ts';
import type { CaptureSlot, Captured, Destination, Fingerprint, SavedSource, Source } from './source.ts';

const options = z.strictObject({ file: z.string().describe('The Compose file, absolute.') });

type ImagesOptions = z.infer<typeof options>;

interface FoundImage extends EngineImage {
  references: string[];
  services: string[];
}

const captureHint =
  'No snapshot was made; earlier ones are untouched. To capture the app without its images, say “images: false” in relocate.yaml.';

/**
 * The images of a Compose app's services. They lie in the snapshot as one OCI image layout that is a docker archive as
 * well: each layer once, unpacked, named by its digest, so that images that share layers share them here, and a layer
 * that an earlier snapshot has is not asked of the engine again. The fingerprint is each service's image ID, which is
 * a digest over the configuration and, by it, over every layer.
 */
export const images: Source<ImagesOptions> = {
  kind: 'images',
  summary: 'The images of a Compose app, so that no registry is needed.',
  options,

  async prepare({ file }, { environment, signal }) {
    const run = { environment, failure: 'source-failed', hint: captureHint, signal } as const;
    const services = await composeImages(file, run);
    const found = await Promise.all(
      services.map(async (service) => {
        const image = await inspectImage(service.reference, run);
        if (image === undefined) throw notThere(service);
        return { ...service, image };
      }),
    );
    const version = await engineVersion(run);
    return {
      capture: (slot) => capture(slot, byImage(found), { version, signal }),
      async release() {},
    };
  },

  async restore(saved, destination, { saved: tree, emit, signal }) {
    const { images } = detailsOf(saved);
    const nameOf = namer(destination);
    const lacking: SavedImage[] = [];
    for (const image of images) {
      const there = await inspectImage(nameOf(image), asking(signal));
      if (there === undefined || !isSame(there, image)) lacking.push(image);
    }
    if (lacking.length === 0) return;
    let doneBytes = 0;
    const onBytes = (bytes: number): void => {
      doneBytes += bytes;
      emit({ type: 'progress', phase: 'restore', doneBytes, doneItems: 0 });
    };
    await loadImages(lacking, nameOf, { saved: tree, signal, onBytes });
  },

  async fingerprint(saved, destination, { signal }) {
    const { images, services } = detailsOf(saved);
    const nameOf = namer(destination);
    const ids = new Map<string, string>();
    for (const image of images) {
      const there = await inspectImage(nameOf(image), asking(signal));
      ids.set(image.id, there === undefined ? 'missing' : isSame(there, image) ? image.id : there.id);
    }
    return fingerprintOf(
      Object.fromEntries(
        Object.entries(services).map(([service, id]) => [service, ids.get(id) ?? 'missing']),
      ),
    );
  },

  byHand: ({ path }) => [
    `tar -C .${path} -cf - . | docker load    # all of them at once, under the names that the Compose file has`,
  ],
};

/** Pure: the name under which a deployment keeps an image of a snapshot in the engine. */
export function deployedName(repository: string, id: string): string {
  return `${repository}:${id.slice('sha256:'.length, 'sha256:'.length + 16)}`;
}

/** Pure: the images that services run once they are loaded, by service. Throws `snapshot-hostile`. */
export function deployedImages(saved: SavedSource, repository: string): Record<string, string> {
  const { services } = detailsOf(saved);
  return Object.fromEntries(
    Object.entries(services).map(([service, id]) => [service, deployedName(repository, id)]),
  );
}

/** Pure: what the images run on, each once, as Docker calls it. Throws `snapshot-hostile`. */
export function architecturesOf(saved: SavedSource): string[] {
  return [...new Set(detailsOf(saved).images.map(({ architecture }) => architecture))];
}

function namer(destination: Destination): (image: SavedImage) => string {
  if (destination.kind !== 'engine') throw new RelocateError('internal', 'Images go into an engine.');
  return ({ id }) => deployedName(destination.repository, id);
}

const asking = (signal: AbortSignal) =>
  ({
    failure: 'restore-failed',
    hint: 'Nothing was lost. When Docker answers, go on with: relocate deploy --resume',
    signal,
  }) as const;

/** Engines that keep images in containerd call them by the digest of the manifest that they were loaded with. */
const isSame = (there: EngineImage, image: SavedImage): boolean =>
  there.id === image.id || there.id === manifestDigest(image);

/** Throws `snapshot-hostile`. */
function detailsOf({ details }: SavedSource): ImageDetails {
  const parsed = imageDetails.safeParse(details);
  if (parsed.success) return parsed.data;
  throw new RelocateError(
    'snapshot-hostile',
    'What the snapshot says of its images is not as relocate writes it.',
    {
      facts: { problem: parsed.error.issues[0]?.message },
    },
  );
}

function notThere({ service, reference, isBuilt }: ServiceImage): RelocateError {
  const command = `docker compose ${isBuilt ? 'build' : 'pull'} ${service}`;
  const what = isBuilt ? 'has not been built yet' : 'is not on this machine';
  return new RelocateError('source-failed', `The image of the service ${service} ${what}.`, {
    facts: { service, image: reference },
    hint: `Get it with “${command}”. ${captureHint}`,
  });
}

function byImage(found: readonly (ServiceImage & { image: EngineImage })[]): FoundImage[] {
  return [...Map.groupBy(found, ({ image }) => image.id).values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const references = [...new Set(same.map(({ reference }) => reference))];
    return [{ ...first.image, references, services: same.map(({ service }) => service) }];
  });
}

async function capture(
  slot: CaptureSlot,
  found: readonly FoundImage[],
  { version, signal }: { version: string; signal: AbortSignal },
): Promise<Captured> {
  const parts: SavedParts = { layers: new Map(), documents: new Map() };
  const wanted = new Set(found.flatMap(({ layers }) => layers));
  for (const digest of wanted) {
    const kept = await slot.keepFile(blobPath(digest));
    if (kept !== undefined) parts.layers.set(digest, kept);
  }
  const configs = new Map<string, { sizeBytes: number }>();
  for (const { id } of found) {
    const kept = await slot.keepFile(blobPath(id));
    if (kept !== undefined) configs.set(id, kept);
  }
  const lacking = found.filter(
    ({ id, layers }) => !configs.has(id) || layers.some((digest) => !parts.layers.has(digest)),
  );
  if (lacking.length > 0) {
    await saveImages(
      lacking.map(({ id }) => id),
      wanted,
      parts,
      { slot, signal },
    );
  }
  const saved: SavedImage[] = [];
  for (const image of found) saved.push(await describe(image, parts, configs, slot));
  for (const { name, content } of layoutFiles(saved, (image) =>
    image.references.flatMap((one) => tagOf(one) ?? []),
  )) {
    await slot.addFile(name, asStream(Buffer.from(content)));
  }
  const services = Object.fromEntries(
    found.flatMap((image, index) => image.services.map((service) => [service, saved[index]?.id ?? ''])),
  );
  const configBytes = saved.reduce((sum, image) => sum + image.configBytes, 0);
  const layerBytes = [...parts.layers.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return {
    sizeBytes: configBytes + layerBytes,
    items: saved.length,
    fingerprint: fingerprintOf(services),
    tools: { docker: version },
    details: { images: saved, services } satisfies ImageDetails,
    problems: [],
  };
}

async function describe(
  image: FoundImage,
  { layers, documents }: SavedParts,
  configs: ReadonlyMap<string, { sizeBytes: number }>,
  slot: CaptureSlot,
): Promise<SavedImage> {
  const { architecture, os, variant, references, repoDigests } = image;
  const kept = configs.get(image.id);
  let id = image.id;
  let configBytes = kept?.sizeBytes;
  if (configBytes === undefined) {
    const config = documents.get(id) ?? configOf(image, documents);
    if (config === undefined) throw incomplete(image);
    id = digestOf(config);
    ({ sizeBytes: configBytes } = await slot.addFile(blobPath(id), asStream(config)));
  }
  return {
    id,
    configBytes,
    layers: image.layers.map((digest) => {
      const layer = layers.get(digest);
      if (layer === undefined) throw incomplete(image);
      return { digest, sizeBytes: layer.sizeBytes };
    }),
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    references,
    repoDigests,
  };
}

/** Where the engine names images by their manifests. */
function configOf(image: FoundImage, documents: ReadonlyMap<string, Buffer>): Buffer | undefined {
  return [...documents.values()].find((content) => {
    const config = layersOfConfig(content);
    return config?.layers.join() === image.layers.join() && config.architecture === image.architecture;
  });
}

function incomplete({ references }: FoundImage): RelocateError {
  return new RelocateError(
    'source-failed',
    `docker gave only a part of the image ${references.join(', ')}.`,
    {
      hint: captureHint,
    },
  );
}

function fingerprintOf(ids: Readonly<Record<string, string>>): Fingerprint {
  const facts = Object.entries(ids).map(([service, id]) => [`image of ${service}`, id]);
  return { takenAt: new Date().toISOString(), facts: Object.fromEntries(facts) };
}

// oxlint-disable-next-line typescript/require-await -- a stream of one part
async function* asStream(content: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield content;
}
