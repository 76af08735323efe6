import { RelocateError } from '../errors.ts';
import type { CopyOutcome } from './types.ts';

/** What a snapshot must be in to count. */
export interface RequiredCopies {
  copies: number;
  providers: number;
}

/** `enough`: what is required has it, though not every repository that is listed. */
export type CopiesVerdict = 'everywhere' | 'enough' | 'too few';

/** Pure. */
export function judgeCopies(copies: readonly CopyOutcome[], required: RequiredCopies): CopiesVerdict {
  const having = copies.filter(({ snapshot }) => snapshot !== undefined);
  const providers = new Set(having.map(({ provider }) => provider));
  if (having.length < Math.max(1, required.copies) || providers.size < required.providers) return 'too few';
  return having.length === copies.length ? 'everywhere' : 'enough';
}

/** Throws `usage` where no run could ever have what is required. */
export function assertPossible(
  places: readonly { url: string; provider: string }[],
  required: RequiredCopies,
): void {
  const providers = [...new Set(places.map(({ provider }) => provider))];
  const lacking =
    required.copies > places.length
      ? `${required.copies} copies are required, and there ${are(places.length, 'repository', 'repositories')}`
      : required.providers > providers.length
        ? `Copies at ${required.providers} providers are required, and there ${are(providers.length, 'provider', 'providers')}: ${providers.join(', ')}`
        : undefined;
  if (lacking === undefined) return;
  throw new RelocateError('usage', `${lacking}.`, {
    facts: { repositories: places.map(({ url }) => url).join(', ') },
    hint: 'Nothing was done. List more under “repositories:” in relocate.yaml, or require less.',
  });
}

const are = (count: number, one: string, many: string): string =>
  count === 1 ? `is 1 ${one}` : `are ${count} ${many}`;
