import type { Check } from '../app/app.ts';
import type { Fingerprint } from '../sources/source.ts';
import { runCheck, type CheckSite } from './checks.ts';
import type { CheckOutcome, DataOutcome, Outcome, VerifyResult } from './types.ts';

/** Runs the app's checks one after the other, so that one does not disturb another's measure. */
export async function runChecks(checks: readonly Check[], site: CheckSite): Promise<CheckOutcome[]> {
  const outcomes: CheckOutcome[] = [];
  for (const check of checks) outcomes.push(await runCheck(check, site));
  return outcomes;
}

/** Pure. */
export function verifyResult(checks: CheckOutcome[], data: DataOutcome[]): VerifyResult {
  return { outcome: overall([...checks, ...data].map(({ outcome }) => outcome)), checks, data };
}

/** Pure: what is not known to be right is not right; nothing asked is nothing known. */
export function overall(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes('failed')) return 'failed';
  return outcomes.length === 0 || outcomes.includes('unverified') ? 'unverified' : 'passed';
}

/** Pure: holds what a source says now against what it said at capture, fact by fact. */
export function compareFingerprints(
  expected: Fingerprint,
  actual: Fingerprint,
): Pick<DataOutcome, 'outcome' | 'facts' | 'differences' | 'detail'> {
  const names = [...new Set([...Object.keys(expected.facts), ...Object.keys(actual.facts)])];
  const differences = names
    .filter((fact) => expected.facts[fact] !== actual.facts[fact])
    .map((fact) => ({
      fact,
      expected: String(expected.facts[fact] ?? 'nothing'),
      actual: String(actual.facts[fact] ?? 'nothing'),
    }));
  if (Object.keys(expected.facts).length === 0) {
    return {
      outcome: 'unverified',
      facts: 0,
      differences: [],
      detail: 'the snapshot holds nothing to compare with',
    };
  }
  const detail =
    differences.length === 0
      ? `${names.length} facts as at capture`
      : `${differences.length} of ${names.length} facts differ`;
  return {
    outcome: differences.length === 0 ? 'passed' : 'failed',
    facts: names.length,
    differences,
    detail,
  };
}
