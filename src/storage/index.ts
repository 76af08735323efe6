import { resolve } from 'node:path';
import { RelocateError } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import { retrying, type RetryOptions } from './retry.ts';
import type { Storage, Traffic } from './storage.ts';

/** Storages by the scheme of their URL; each is loaded when first used. `place` is what stands after the scheme. */
const storages: Record<string, (place: string, traffic?: Traffic) => Promise<Storage>> = {
  file: async (place) =>
    new (await import('./local.ts')).LocalStorage(resolve(place.replace(/^\/\/(?=\/)/, ''))),
  s3: async (place, traffic) => (await import('./s3.ts')).openS3Storage(place, traffic),
  gs: async (place, traffic) => (await import('./gcs.ts')).openGcsStorage(place, traffic),
  azure: async (place, traffic) => (await import('./azure.ts')).openAzureStorage(place, traffic),
  sftp: async (place, traffic) => (await import('./sftp.ts')).openSftpStorage(place, traffic),
};

/** restic's own spelling of a local folder is accepted too. */
const aliases: Record<string, string> = { local: 'file' };

export interface OpenOptions extends RetryOptions {
  /** Holds the network to a rate; several storages may share it. A local folder is not held. */
  traffic?: Traffic | undefined;
}

/**
 * Opens the place a repository lies in: `file:/path`, `s3:https://host/bucket/prefix`, `gs:bucket:/prefix`,
 * `azure:container:/prefix`, `sftp:user@host:/path`, or a plain path. What passes is
 * waited out. Throws `usage` for schemes not known.
 */
export async function openStorage(url: string, options: OpenOptions = {}): Promise<Storage> {
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
  const storage = retrying(await open(match?.[2] ?? url, options.traffic), options);
  return tellingOfLocks(storage, options.emit ?? silent);
}

/** Where nothing may be deleted, locks stay too. Who took one goes on all the same, and the person hears of it once. */
function tellingOfLocks(storage: Storage, emit: Emit): Storage {
  let isTold = false;
  return {
    ...storage,
    async remove(file) {
      try {
        await storage.remove(file);
      } catch (error) {
        const isDenied = error instanceof RelocateError && error.facts['denied'] === true;
        if (isDenied && file.type === 'lock' && !isTold) {
          isTold = true;
          const message = `The lock in ${storage.url} stays, because these credentials may not delete: whoever forgets, prunes or checks there waits 30 minutes, or takes it away with relocate unlock.`;
          emit({ type: 'warning', code: 'lock-stays', message });
        }
        throw error;
      }
    },
  };
}
