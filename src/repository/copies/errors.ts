import { RelocateError } from '../../errors.ts';
import type { RepositoryCopy } from '../repository.ts';

/** Any error of a copy as one of the program's. */
export function asRelocateError(error: unknown): RelocateError {
  if (error instanceof RelocateError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new RelocateError('internal', `Unexpected: ${reason}`, { cause: error });
}

/** What is said where all copies have failed: the first one's trouble, as a run with that one alone would have it. */
export function noneIsLeft(copies: readonly RepositoryCopy[]): RelocateError {
  const failed = copies.flatMap(({ url, failure }) => (failure === undefined ? [] : [{ url, failure }]));
  const [first] = failed;
  const reasons = failed.map(({ url, failure }) => withUrl(url, failure.message));
  return new RelocateError(
    first?.failure.code ?? 'internal',
    `None of the ${copies.length} repositories can be used. ${reasons.join(' ')}`,
    {
      facts: { ...first?.failure.facts, repositories: copies.map(({ url }) => url).join(', ') },
      hint: first?.failure.hint,
      retryable: failed.some(({ failure }) => failure.retryable),
      cause: first?.failure,
    },
  );
}

/** A message that says whose it is. */
export const withUrl = (url: string, message: string): string =>
  message.includes(url) ? message : `${url}: ${message}`;

/** What is done with one repository, not with all that are listed. */
export function oneAtATime(): RelocateError {
  return new RelocateError('usage', 'This is done with one repository at a time, and several are listed.', {
    hint: 'Nothing was done. Name the one you mean with -r.',
  });
}
