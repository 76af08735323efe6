import type { Attempt } from '../relocation/fallback.ts';
import { sanitise } from '../ui/format.ts';
import { table } from './table.ts';

/** What came of each target, for a terminal. Pure. */
export function attemptsText(attempts: readonly Attempt[]): string {
  const rows = attempts.map(({ target, outcome, reason = '' }) => [target, outcome, reason].map(sanitise));
  const left = attempts.flatMap(({ target, leftBehind }) =>
    leftBehind === undefined
      ? []
      : [
          `Something is left at ${target} and may be billed: ${leftBehind.reason}`,
          `Remove it with: ${leftBehind.command}`,
        ].map(sanitise),
  );
  return [table(rows), ...(left.length > 0 ? ['', ...left] : [])].join('\n');
}
