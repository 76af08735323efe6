import { RelocateError } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import type { FileType, Storage } from '../storage/storage.ts';
import type { Id } from './types.ts';

/** Files that are removed at once: enough to hide a storage's latency. */
const parallelRemoves = 8;

/**
 * Removes many files of one type. Throws what the storage throws, at the first that could not be removed; where it does
 * not let anybody delete, the error says so and what that means.
 */
export async function removeFiles(
  storage: Storage,
  type: FileType,
  names: readonly Id[],
  { emit = silent, signal, phase }: { emit?: Emit; signal?: AbortSignal | undefined; phase: string },
): Promise<void> {
  const next = names.values();
  let done = 0;
  let failure: { error: unknown } | undefined;
  const removeSome = async () => {
    for (const name of next) {
      if (failure) return;
      signal?.throwIfAborted();
      try {
        await storage.remove({ type, name });
      } catch (error) {
        failure ??= { error };
        return;
      }
      done += 1;
      emit({ type: 'progress', phase, doneItems: done, totalItems: names.length });
    }
  };
  await Promise.all(Array.from({ length: parallelRemoves }, removeSome));
  if (failure) throw isDenied(failure.error) ? denied(storage.url, type, done, failure.error) : failure.error;
}

/** No file has this name, so nothing is lost where it may be removed. */
const nobodysName = '0'.repeat(64);

/** Finds out before anything is done whether files of these types may be deleted. Throws as `removeFiles` does. */
export async function assertMayRemove(storage: Storage, types: readonly FileType[]): Promise<void> {
  for (const type of types) await removeFiles(storage, type, [nobodysName], { phase: 'probe' });
}

export function isDenied(error: unknown): error is RelocateError {
  return error instanceof RelocateError && error.facts['denied'] === true;
}

function denied(url: string, type: FileType, removed: number, cause: RelocateError): RelocateError {
  const done = removed === 0 ? 'Nothing was deleted.' : `${removed} of the files were deleted.`;
  return new RelocateError(
    'storage-failed',
    `${url} does not let this user delete files (${type}). ${done}`,
    {
      facts: { ...cause.facts, denied: true, type, removed },
      hint: 'Snapshots can be taken with these credentials, not forgotten or pruned: run it with some that may delete. The repository is sound.',
      cause,
    },
  );
}
