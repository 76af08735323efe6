import { createHash } from 'node:crypto';
import * as z from 'zod';

/** An OCI image layout that is a docker archive as well: Docker before 25 reads `manifest.json`, others read either. */

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** One image of a snapshot. Everything it is made of lies under `blobs/sha256/`, named by digest. */
const savedImage = z.object({
  /** Digest of the configuration: what Docker calls the image ID. */
  id: digest,
  configBytes: z.number().int().nonnegative(),
  /** Lowest first. Digests of the unpacked content, which is how they are kept. */
  layers: z.array(z.object({ digest, sizeBytes: z.number().int().nonnegative() })).max(1024),
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  /** As the Compose file names it, one or more. */
  references: z.array(z.string()),
  /** Where registries have it: `postgres@sha256:…`. */
  repoDigests: z.array(z.string()),
});

export type SavedImage = z.infer<typeof savedImage>;

/** What the manifest of a snapshot says of its images. */
export const imageDetails = z.object({
  images: z.array(savedImage).max(10_000),
  /** Image IDs by service. */
  services: z.record(z.string(), digest),
});

export type ImageDetails = z.infer<typeof imageDetails>;

export const blobPath = (digest: string): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;

export const digestOf = (content: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`;

export interface LayoutFile {
  name: string;
  content: string;
}

const ociManifestType = 'application/vnd.oci.image.manifest.v1+json';

/** Pure: the files beside configurations and layers, those that make them images last. `namesOf`: with their tags. */
export function layoutFiles(
  images: readonly SavedImage[],
  namesOf: (image: SavedImage) => readonly string[],
): LayoutFile[] {
  const described = images.map((image) => ({ image, manifest: ociManifest(image), names: namesOf(image) }));
  const manifests = new Map(described.map(({ manifest }) => [blobPath(digestOf(manifest)), manifest]));
  return [
    ...[...manifests].map(([name, content]) => ({ name, content })),
    { name: 'oci-layout', content: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
    {
      name: 'index.json',
      content: JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.index.v1+json',
        manifests: described.flatMap(({ image, manifest, names }) =>
          (names.length === 0 ? [undefined] : names).map((name) => descriptor(image, manifest, name)),
        ),
      }),
    },
    {
      name: 'manifest.json',
      content: JSON.stringify(
        described.map(({ image, names }) => ({
          Config: blobPath(image.id),
          RepoTags: names,
          Layers: image.layers.map((layer) => blobPath(layer.digest)),
        })),
      ),
    },
  ];
}

/** Pure: the digest of the manifest that a layout has for the image. */
export const manifestDigest = (image: SavedImage): string => digestOf(ociManifest(image));

function ociManifest({ id, configBytes, layers }: SavedImage): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: ociManifestType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: id, size: configBytes },
    layers: layers.map(({ digest, sizeBytes }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      digest,
      size: sizeBytes,
    })),
  });
}

function descriptor(image: SavedImage, manifest: string, name: string | undefined) {
  const { architecture, os, variant } = image;
  return {
    mediaType: ociManifestType,
    digest: digestOf(manifest),
    size: Buffer.byteLength(manifest),
    platform: { architecture, os, ...(variant === undefined ? {} : { variant }) },
    ...(name === undefined
      ? {}
      : {
          annotations: {
            'io.containerd.image.name': fullName(name),
            'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
          },
        }),
  };
}

/** Pure: a reference with its tag, as an archive can carry it; undefined for one that is pinned by a digest. */
export function tagOf(reference: string): string | undefined {
  if (reference.includes('@')) return undefined;
  const last = reference.slice(reference.lastIndexOf('/') + 1);
  return last.includes(':') ? reference : `${reference}:latest`;
}

/** Pure: with the registry that Docker means where none is said. */
function fullName(name: string): string {
  const [first = '', ...rest] = name.split('/');
  if (rest.length === 0) return `docker.io/library/${name}`;
  return first === 'localhost' || /[.:]/.test(first) ? name : `docker.io/${name}`;
}

const imageConfig = z.object({
  architecture: z.string().optional(),
  os: z.string().optional(),
  rootfs: z.object({ diff_ids: z.array(z.string()).nullish() }),
});

/** Pure: the layers that an image's configuration names; undefined for what is none. */
export function layersOfConfig(content: Uint8Array): { layers: string[]; architecture: string } | undefined {
  try {
    const parsed = imageConfig.parse(JSON.parse(Buffer.from(content).toString('utf8')));
    return { layers: parsed.rootfs.diff_ids ?? [], architecture: parsed.architecture ?? '' };
  } catch {
    return undefined;
  }
}
