import type { ForgetGroup } from '../repository/forget.ts';
import type {
  CaughtUp,
  CopyResult,
  PruneResult,
  RepairSnapshotsResult,
  StoredSnapshot,
} from '../repository/types.ts';
import { formatBytes, formatItems, formatTime, sanitise, shortId } from '../ui/format.ts';
import { table } from './table.ts';

/** Results of the commands that keep a repository in order, as text for a terminal. Pure. */

export function copyText({ copied, present, failed, addedBytes, addedPackedBytes }: CopyResult): string {
  const done =
    copied.length === 0
      ? 'Nothing was copied'
      : `${formatItems(copied.length, 'snapshot')} copied: ${formatBytes(addedBytes)} were new, ${formatBytes(addedPackedBytes)} were stored`;
  const known =
    present.length === 0 ? '' : `; ${present.length} ${present.length === 1 ? 'was' : 'were'} there already`;
  return [
    ...copied.map(({ from, to }) => `  ${shortId(from)} is ${shortId(to)} there`),
    `${done}${known}.`,
    ...(failed.length > 0 ? ['', `${formatItems(failed.length, 'snapshot')} could not be copied:`] : []),
    ...failed.map(({ snapshot, reason }) => `  ${shortId(snapshot)}: ${sanitise(reason)}`),
    ...(failed.length > 0 ? ['See how far the damage goes with: relocate check --read-data'] : []),
  ].join('\n');
}

interface ForgetResult {
  dryRun: boolean;
  groups: readonly ForgetGroup[];
  removed: readonly StoredSnapshot[];
  pruned?: PruneResult;
}

export function forgetText({ dryRun, groups, removed, pruned }: ForgetResult): string {
  const count = formatItems(removed.length, 'snapshot');
  const outcome = dryRun ? `${count} would be removed. Nothing was done.` : `${count} removed.`;
  return [
    ...groups.flatMap(groupLines),
    ...(groups.length === 0 ? removed.map((snapshot) => `  remove ${snapshotLine(snapshot)}`) : []),
    outcome,
    ...(pruned ? ['', pruneText(pruned)] : []),
    ...(!pruned && !dryRun && removed.length > 0 ? ['Their data stays until: relocate prune'] : []),
  ].join('\n');
}

function groupLines({ app, partial, keep, remove }: ForgetGroup): string[] {
  const name = app === undefined ? 'of other programs' : `of ${sanitise(app)}`;
  return [
    `Snapshots ${name}${partial ? ', of a part of it' : ''}:`,
    ...keep.map(
      ({ snapshot, reasons }) => `  keep   ${snapshotLine(snapshot)}  ${sanitise(reasons.join(', '))}`,
    ),
    ...remove.map((snapshot) => `  remove ${snapshotLine(snapshot)}`),
    '',
  ];
}

function snapshotLine({ id, time, hostname }: StoredSnapshot): string {
  return `${shortId(id)}  ${formatTime(time)}  ${sanitise(hostname ?? '')}`.trimEnd();
}

export function pruneText(result: PruneResult): string {
  const { dryRun } = result;
  const rows = [
    ['needed', `${formatItems(result.usedBlobs, 'blob')}, ${formatBytes(result.usedBytes)}`],
    [
      'not needed',
      `${formatItems(result.unusedBlobs + result.duplicateBlobs, 'blob')}, ${formatBytes(result.unusedBytes + result.duplicateBytes)}`,
    ],
    [dryRun ? 'to delete' : 'deleted', packs(result.removedPacks, result.removedBytes)],
    [
      dryRun ? 'to delete, left by a run that was killed' : 'deleted, left by a run that was killed',
      packs(result.unindexedPacks, result.unindexedBytes),
    ],
    [dryRun ? 'to write anew' : 'written anew', packs(result.repackedPacks, result.repackedBytes)],
    ['stay as they are', formatItems(result.keptPacks, 'pack')],
  ];
  const freed = formatBytes(result.freedBytes);
  const rest = `${formatBytes(result.remainingUnusedBytes)} of what is not needed ${dryRun ? 'would stay' : 'stays'}`;
  return [
    table(rows),
    '',
    dryRun ? `${freed} would be freed; ${rest}. Nothing was done.` : `${freed} freed; ${rest}.`,
  ].join('\n');
}

const packs = (count: number, bytes: number) => `${formatItems(count, 'pack')}, ${formatBytes(bytes)}`;

const namedPaths = 20;

export function repairSnapshotsText(result: RepairSnapshotsResult): string {
  const { dryRun, sound, repaired, unreadable, removed } = result;
  const lines = repaired.flatMap(({ from, to, lost }) => [
    `${shortId(from)} lost something of ${formatItems(lost.length, 'path')}; ${to === undefined ? 'what is left would be a new snapshot' : `what is left is ${shortId(to)}`}:`,
    ...lost.slice(0, namedPaths).map((path) => `  ${sanitise(path)}`),
    ...(lost.length > namedPaths
      ? [`  … and ${lost.length - namedPaths} more (all of them with --json)`]
      : []),
  ]);
  return [
    ...lines,
    ...unreadable.map((id) => `${shortId(id)}: nothing of it can be read.`),
    `${formatItems(sound, 'snapshot')} lost nothing.`,
    ...(dryRun ? ['Nothing was done.'] : []),
    ...(removed.length > 0 ? [`${formatItems(removed.length, 'broken snapshot')} removed.`] : []),
    ...(!dryRun && removed.length === 0 && repaired.length + unreadable.length > 0
      ? ['The broken ones are still there; remove them with: relocate repair snapshots --forget']
      : []),
  ].join('\n');
}

export function catchUpText(all: readonly CaughtUp[]): string {
  return all.flatMap(catchUpLines).join('\n');
}

function catchUpLines({ url, copied, failed, addedPackedBytes, error }: CaughtUp): string[] {
  const got =
    copied === 0
      ? error === undefined && failed.length === 0
        ? 'has all there is'
        : 'got nothing'
      : `got ${formatItems(copied, 'snapshot')}, ${formatBytes(addedPackedBytes)} were stored`;
  return [
    `${sanitise(url)}: ${got}${error === undefined ? '' : `; ${sanitise(error.message)}`}`,
    ...failed.map(({ snapshot, reason }) => `  NOT there: ${shortId(snapshot)}: ${sanitise(reason)}`),
  ];
}
