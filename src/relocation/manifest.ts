import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import type { StoredSnapshot } from '../repository/types.ts';
import { findNode } from '../filesystem/restore.ts';
import type { SavedSource } from '../sources/source.ts';
import type { Manifest } from './types.ts';

/** Where things lie in a snapshot's tree. Made for a person with nothing but stock restic. */
export const snapshotPaths = {
  readme: '/README.txt',
  manifest: '/relocate.json',
  config: '/app/relocate.yaml',
  variables: '/app/variables.env',
  code: '/app/code',
  images: '/images',
  data: (name: string) => `/data/${name}`,
} as const;

/** A manifest larger than this is no manifest: reading it would only fill memory. */
const maxManifestBytes = 64 * 1024 * 1024;

const savedSource = z.object({
  name: z.string(),
  kind: z.string(),
  path: z.string().startsWith('/'),
  startedAt: z.string(),
  durationMs: z.number(),
  sizeBytes: z.number(),
  items: z.number(),
  fingerprint: z.object({
    takenAt: z.string(),
    facts: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  tools: z.record(z.string(), z.string()),
  details: z.record(z.string(), z.unknown()),
  problems: z.array(z.object({ path: z.string(), reason: z.string() })),
});

const manifest = z.object({
  manifestVersion: z.literal(1),
  relocateVersion: z.string(),
  app: z.string(),
  hostname: z.string(),
  capturedAt: z.iso.datetime({ precision: null }),
  folder: z.string(),
  services: z
    .object({ kind: z.enum(['procfile', 'compose']), file: z.string(), names: z.array(z.string()) })
    .optional(),
  sources: z.array(savedSource),
  code: savedSource.optional(),
  images: savedSource.exactOptional(),
  folders: z.record(z.string().startsWith('/'), z.string().startsWith('/')).exactOptional(),
});

/** Pure: all that was captured: entries of `data:`, then the code and the images where there are any. */
export function savedParts({ sources, code, images }: Manifest): SavedSource[] {
  return [...sources, ...(code ? [code] : []), ...(images ? [images] : [])];
}

export function encodeManifest(value: Manifest): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Throws `snapshot-hostile` for what no relocate has written; the document comes from outside and is not trusted. */
export function decodeManifest(text: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RelocateError('snapshot-hostile', 'The snapshot’s /relocate.json is no JSON.', { cause });
  }
  const parsed = manifest.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new RelocateError(
      'snapshot-hostile',
      'The snapshot’s /relocate.json is not as relocate writes it.',
      {
        facts: { at: issue?.path.join('.'), problem: issue?.message },
        hint: 'A newer relocate may have written it. Its files can be had with: relocate restore ID --target DIR',
      },
    );
  }
  return { ...parsed.data, services: parsed.data.services, code: parsed.data.code };
}

/** Throws `snapshot-missing` where the snapshot was not made by relocate. */
export async function readManifest(repository: Repository, snapshot: StoredSnapshot): Promise<Manifest> {
  const node = await findNode(repository, snapshot.tree, snapshotPaths.manifest);
  if (node?.content === undefined) {
    throw new RelocateError(
      'snapshot-missing',
      `Snapshot ${snapshot.id.slice(0, 8)} was not made by relocate.`,
      {
        facts: { snapshot: snapshot.id },
        hint: 'It holds no /relocate.json. Its files can be had with: relocate restore ID --target DIR',
      },
    );
  }
  return decodeManifest(await readText(repository, node.content, maxManifestBytes));
}

/** A whole small file of a snapshot as text; `undefined` where there is none. Throws above `maxBytes`. */
export async function readSnapshotText(
  repository: Repository,
  snapshot: StoredSnapshot,
  path: string,
  maxBytes = 16 * 1024 * 1024,
): Promise<string | undefined> {
  const node = await findNode(repository, snapshot.tree, path);
  return node?.content === undefined ? undefined : await readText(repository, node.content, maxBytes);
}

async function readText(
  repository: Repository,
  content: readonly string[],
  maxBytes: number,
): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of repository.readContent(content)) {
    sizeBytes += part.length;
    if (sizeBytes > maxBytes) {
      throw new RelocateError(
        'snapshot-hostile',
        'A small file of the snapshot is far larger than it can be.',
        {
          facts: { maxBytes },
        },
      );
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
