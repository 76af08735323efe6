import { resolve } from 'node:path';

/**
 * A repository URL with the path of `file:` (or restic's `local:`) made absolute; other schemes stay as they are.
 * Undefined for what has no scheme.
 */
export function repositoryUrl(url: string, folder: string): string | undefined {
  const local = /^(?:file|local):(.+)$/.exec(url)?.[1];
  if (local !== undefined) return `file:${resolve(folder, local)}`;
  return /^[a-z][a-z0-9+.-]*:./.test(url) ? url : undefined;
}
