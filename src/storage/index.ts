import { resolve } from 'node:path';
import { RelocateError } from '../errors.ts';
import { retrying, type RetryOptions } from './retry.ts';
import type { Storage } from './storage.ts';

/** Storages by the scheme of their URL; each is loaded when first used. `place` is what stands after the scheme. */
const storages: Record<string, (place: string) => Promise<Storage>> = {
  file: async (place) =>
    new (await import('./local.ts')).LocalStorage(resolve(place.replace(/^\/\/(?=\/)/, ''))),
  s3: async (place) => (await import('./s3.ts')).openS3Storage(place),
};

/** restic's own spelling of a local folder is accepted too. */
const aliases: Record<string, string> = { local: 'file' };

/**
 * Opens the place a repository lies in: `file:/path`, `s3:https://host/bucket/prefix`, or a plain path. What passes is
 * waited out. Throws `usage` for schemes not known.
 */
export async function openStorage(url: string, options: RetryOptions = {}): Promise<Storage> {
  const match = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(url);
  const scheme = match?.[1] ?? 'file';
  const open = storages[aliases[scheme] ?? scheme];
  if (open === undefined) {
    throw new RelocateError('usage', `Repositories at “${scheme}:” are not supported by this version.`, {
      facts: { scheme },
      hint: `It knows: ${Object.keys(storages)
        .map((known) => `${known}:`)
        .join(', ')} — for example file:/srv/backups`,
    });
  }
  return retrying(await open(match?.[2] ?? url), options);
}
