import type { Outcome } from '../relocation/types.ts';
import { formatItems } from '../ui/format.ts';

/** `3 of 4 checks passed` */
export function tally(all: readonly { outcome: Outcome }[], what: string, verb: string): string {
  if (all.length === 0) return `no ${what} to look at`;
  const passed = all.filter(({ outcome }) => outcome === 'passed').length;
  return `${passed} of ${formatItems(all.length, what)} ${verb}`;
}

export const outcomeWords: Readonly<Record<Outcome, string>> = {
  passed: 'passed',
  failed: 'FAILED',
  unverified: 'not verified',
};
