import type { Repository } from '../repository/repository.ts';
import type { StoredSnapshot } from '../repository/types.ts';
import type { CopyOutcome } from './types.ts';

/** Whether every copy that takes part has it. */
export function isEverywhere({ copies: holders }: StoredSnapshot, { copies }: Repository): boolean {
  if (holders === undefined) return true;
  return copies.every(({ url, failure }) => failure !== undefined || holders.some((one) => one.url === url));
}

/** What became of the snapshot that was saved last, copy by copy; `earlier`: those that were there before. */
export function copyOutcomes(
  { repository, providerOf }: { repository: Repository; providerOf: (url: string) => string },
  earlier: readonly StoredSnapshot[],
): CopyOutcome[] {
  return repository.copies.map(({ url, savedSnapshot, failure }) => ({
    url,
    provider: providerOf(url),
    ...(savedSnapshot === undefined ? {} : { snapshot: savedSnapshot }),
    ...(failure === undefined
      ? {}
      : {
          error: {
            code: failure.code,
            message: failure.message,
            ...(failure.hint === undefined ? {} : { hint: failure.hint }),
          },
        }),
    lacking: failure === undefined ? lackingIn(url, earlier) : 0,
  }));
}

/** Older ones than a copy's first are none of its business: it was made later, or keeps less. */
function lackingIn(url: string, earlier: readonly StoredSnapshot[]): number {
  const isThere = ({ copies }: StoredSnapshot) =>
    copies === undefined || copies.some((one) => one.url === url);
  const first = earlier.findIndex(isThere);
  return earlier.slice(Math.max(0, first)).filter((snapshot) => !isThere(snapshot)).length;
}
