import type { RecordSet } from '../dns/zone.ts';
import type { CutoverReport } from '../relocation/cutover-work.ts';
import { formatDuration, sanitise } from '../ui/format.ts';
import { table } from './table.ts';

const titles = {
  prepare: 'Times to live are short',
  cutover: 'The names lead to the target',
  rollback: 'The names have what they had before',
  settle: 'Answers are kept as long as before',
} as const;

/** Pure. */
export function cutoverText(report: CutoverReport): string {
  const { action, names, servers, checks, cachesUntil, next, dryRun, startedAt, finishedAt, outcome } =
    report;
  const tookMs = Date.parse(finishedAt) - Date.parse(startedAt);
  const isDue = cachesUntil !== undefined && Date.parse(cachesUntil) > Date.parse(finishedAt);
  const title = dryRun ? 'Nothing was changed. This would be' : titles[action];
  return [
    `${title}${report.target === undefined ? '' : ` (${sanitise(report.target)})`}:`,
    changesText(names),
    ...section(
      'Name servers',
      servers.map(({ server, outcome, detail }) => [outcome, server, detail]),
    ),
    ...section(
      'Checks',
      checks.map(({ title, outcome, detail }) => [outcome, title, detail]),
    ),
    '',
    ...(isDue ? [`Caches may give the answers from before until ${cachesUntil}.`] : []),
    dryRun ? '' : `${sentences[outcome]} It took ${formatDuration(tookMs)}.`,
    ...(next === undefined ? [] : [sanitise(next)]),
  ]
    .filter((line, index, all) => line !== '' || all[index - 1] !== '')
    .join('\n')
    .trimEnd();
}

const sentences = {
  passed: 'Verified.',
  failed: 'It does not work as it should.',
  unverified: 'Not all could be verified.',
} as const;

function section(title: string, rows: string[][]): string[] {
  return rows.length === 0 ? [] : ['', `${title}:`, table(rows.map((row) => ['', ...row.map(sanitise)]))];
}

/** A line for each name: what it had, and what it is to have. */
export function changesText(names: CutoverReport['names']): string {
  return table(
    names.map(({ name, before, after, changed }) => [
      '',
      sanitise(name),
      setsText(before),
      changed ? `→ ${setsText(after)}` : '(stays)',
    ]),
  );
}

function setsText(sets: readonly RecordSet[]): string {
  if (sets.length === 0) return 'nothing';
  return sets
    .map(
      ({ type, values, ttlSeconds }) =>
        `${type} ${values.map(sanitise).join(', ') || 'alias'} ${ttlSeconds} s`,
    )
    .join(', ');
}
