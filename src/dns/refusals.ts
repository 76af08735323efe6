import { RelocateError } from '../errors.ts';
import { describeSets, differences, sameSets } from './names.ts';
import type { RecordChange, RecordSet } from './zone.ts';

/** What all providers refuse alike. Pure. */

export function noZone(provider: string, zone: string, known: readonly string[] = []): RelocateError {
  const others =
    known.length === 0 ? 'There is none that this token may see.' : `There are: ${known.join(', ')}.`;
  return new RelocateError('dns-zone-missing', `${provider} has no zone ${zone} for this token.`, {
    facts: { provider, zone },
    hint: `${others} Look at “zone” under “dns” in relocate.yaml, and whose token it is. Nothing was changed.`,
  });
}

/** Throws `dns-changed` unless the name has what it is said to have. */
export function checkUnchanged(change: RecordChange, now: readonly RecordSet[]): void {
  if (sameSets(change.before, now)) return;
  const { name, before } = change;
  throw new RelocateError('dns-changed', `Somebody else changed ${name}: it has ${describeSets(now)}.`, {
    facts: { name, expected: describeSets(before), actual: describeSets(now) },
    hint: 'Nothing was changed. Look at the name, then run the same command again.',
  });
}

/** For providers that change one type after the other. */
export function checkGap({ name, before, after, allowGap }: RecordChange, provider: string): void {
  if (allowGap === true || !differences(before, after).isSwap) return;
  throw new RelocateError(
    'dns-failed',
    `${provider} cannot put ${describeSets(after)} in the place of ${describeSets(before)} in one moment: ${name} would have no answer for a while.`,
    {
      facts: { provider, name },
      hint: 'Nothing was changed. Make the change with --allow-gap, or make the name an address record beforehand.',
    },
  );
}
