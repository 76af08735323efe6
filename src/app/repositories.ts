import { resolve } from 'node:path';
import type { RepositoryPlace } from './app.ts';
import type { AppDraft } from './schema.ts';

/**
 * A repository URL with the path of `file:` (or restic's `local:`) made absolute; other schemes stay as they are.
 * Undefined for what has no scheme.
 */
export function repositoryUrl(url: string, folder: string): string | undefined {
  const local = /^(?:file|local):(.+)$/.exec(url)?.[1];
  if (local !== undefined) return `file:${resolve(folder, local)}`;
  return /^[a-z][a-z0-9+.-]*:./.test(url) ? url : undefined;
}

/** `repositories:` as it is written, one or a list, each a URL or a map. */
export function asPlaces(
  given: AppDraft['repositories'] | undefined,
): { url: string; passwordFile?: string | undefined }[] {
  return [given ?? []].flat().map((one) => (typeof one === 'string' ? { url: one } : one));
}

/** Places with absolute paths; those that are none are left out. */
export function repositoryPlaces(
  given: AppDraft['repositories'] | undefined,
  folder: string,
): RepositoryPlace[] {
  return asPlaces(given).flatMap(({ url: written, passwordFile }) => {
    const url = repositoryUrl(written, folder);
    if (url === undefined) return [];
    return passwordFile === undefined ? { url } : { url, passwordFile: resolve(folder, passwordFile) };
  });
}
