import type { CheckResult, KeyInfo, RepairIndexResult, StoredSnapshot } from '../repository/types.ts';
import type { CopiesVerdict, RequiredCopies } from '../relocation/enough-copies.ts';
import type { CopyOutcome, Manifest, SnapshotResult } from '../relocation/types.ts';
import type { DiskSummary, SavedSource } from '../sources/source.ts';
import { formatBytes, formatDuration, formatItems, formatTime, sanitise, shortId } from '../ui/format.ts';
import { table } from './table.ts';

/** Results of the commands that deal with snapshots, as text for a terminal. Pure. */

function sourceRow(source: SavedSource): string[] {
  const tools = Object.entries(source.tools).map(([tool, version]) => `${tool} ${version}`);
  return [
    sanitise(source.name),
    sanitise(source.kind),
    formatItems(source.items, 'item'),
    formatBytes(source.sizeBytes),
    formatDuration(source.durationMs),
    sanitise(tools.join(', ')),
  ];
}

function problemLines(problems: readonly { path: string; reason: string }[]): string[] {
  if (problems.length === 0) return [];
  const shown = problems.slice(0, 20).map(({ path, reason }) => `  ${sanitise(path)}: ${sanitise(reason)}`);
  const more =
    problems.length > shown.length
      ? [`  … and ${problems.length - shown.length} more (all of them with --json)`]
      : [];
  return ['', `Not complete: ${formatItems(problems.length, 'problem')}.`, ...shown, ...more];
}

export function snapshotSummary(result: SnapshotResult, judged?: Judged): string {
  return [
    table(result.sources.map(sourceRow)),
    '',
    `Snapshot ${shortId(result.snapshot)} of ${formatBytes(result.processedBytes)} in ${formatDuration(result.durationMs)}: ` +
      `${formatBytes(result.addedBytes)} were new, ${formatBytes(result.addedPackedBytes)} were stored.`,
    ...problemLines(result.problems),
    ...(judged === undefined ? [] : copyLines(result.copies, judged)),
  ].join('\n');
}

interface Judged {
  required: RequiredCopies;
  verdict: CopiesVerdict;
}

/** Nothing is to be said of the only one, which has it. */
function copyLines(copies: readonly CopyOutcome[], { required, verdict }: Judged): string[] {
  if (copies.length < 2) return [];
  const having = copies.filter(({ snapshot }) => snapshot !== undefined);
  const headline = `In ${having.length} of ${copies.length} repositories${verdict === 'too few' ? `, which is TOO FEW: it must be ${requirement(required)}` : ''}.`;
  const isBehind = copies.some(({ snapshot, lacking }) => snapshot === undefined || lacking > 0);
  return [
    '',
    headline,
    ...indented(copies.map((copy) => [copy.url, copyState(copy)].map(sanitise))),
    ...(isBehind ? ['Bring what is missing there with: relocate copy'] : []),
  ];
}

function copyState({ snapshot, error, lacking }: CopyOutcome): string {
  if (snapshot === undefined) return `NOT there: ${error?.message ?? 'unknown reason'}`;
  return `${shortId(snapshot)}${lacking > 0 ? `, lacks ${formatItems(lacking, 'earlier snapshot')}` : ''}`;
}

function requirement({ copies, providers }: RequiredCopies): string {
  const places = `in ${formatItems(copies, 'repository', 'repositories')}`;
  return providers > 1 ? `${places} at ${formatItems(providers, 'provider')}` : places;
}

function indented(rows: readonly (readonly string[])[]): string[] {
  return table(rows)
    .split('\n')
    .map((line) => `  ${line}`);
}

const copiesOf = ({ copies }: StoredSnapshot): string[] =>
  copies === undefined ? [] : [String(copies.length)];

export function snapshotsTable(snapshots: readonly StoredSnapshot[]): string {
  if (snapshots.length === 0) return 'There is no snapshot yet. Take one with: relocate snapshot';
  return table(
    snapshots.map((snapshot) => [
      shortId(snapshot.id),
      formatTime(snapshot.time),
      sanitise(snapshot.hostname ?? ''),
      snapshot.summary ? formatBytes(snapshot.summary.total_bytes_processed) : '',
      ...copiesOf(snapshot),
      sanitise((snapshot.tags ?? snapshot.paths).join(' ')),
    ]),
    ['ID', 'Time', 'Host', 'Size', ...(snapshots[0]?.copies === undefined ? [] : ['Copies']), 'Tags'],
  );
}

export function showText(manifest: Manifest, snapshot: StoredSnapshot): string {
  const { code, images } = manifest;
  const sources = [...manifest.sources, ...(code ? [code] : []), ...(images ? [images] : [])];
  const facts = sources.flatMap((source) => [
    '',
    `${sanitise(source.name)}, fingerprint:`,
    ...Object.entries(source.fingerprint.facts).map(
      ([fact, value]) => `  ${sanitise(fact)}: ${sanitise(String(value))}`,
    ),
  ]);
  return [
    `Snapshot ${sanitise(snapshot.id)}`,
    `of ${sanitise(manifest.app)}, captured ${formatTime(manifest.capturedAt)} on ${sanitise(manifest.hostname)} by relocate ${sanitise(manifest.relocateVersion)}`,
    '',
    table(sources.map(sourceRow)),
    ...facts,
    ...problemLines(sources.flatMap((source) => source.problems)),
  ].join('\n');
}

export function checkText(result: CheckResult): string {
  const looked =
    `${formatItems(result.snapshots, 'snapshot')}, ${formatItems(result.packs, 'pack')}, ${formatItems(result.blobs, 'blob')}; ` +
    (result.readPacks > 0
      ? `${formatItems(result.readPacks, 'pack')} read whole, ${formatBytes(result.readBytes)}.`
      : 'no data read (--read-data does).');
  const verdict =
    result.errors.length === 0
      ? 'No errors were found.'
      : `${formatItems(result.errors.length, 'error')} found:`;
  return [
    looked,
    ...result.hints.map((hint) => `  ${sanitise(hint)}`),
    verdict,
    ...result.errors.map((error) => `  ${sanitise(error)}`),
  ].join('\n');
}

export function repairIndexText({ packs, blobs, unreadable }: RepairIndexResult): string {
  const made = `The index names ${formatItems(packs, 'pack')} with ${formatItems(blobs, 'blob')} now.`;
  if (unreadable.length === 0) return `${made} See that all is there with: relocate check`;
  return [
    made,
    `The list inside ${formatItems(unreadable.length, 'pack')} cannot be read:`,
    ...unreadable.map(({ pack, reason, keptBlobs }) =>
      sanitise(`  ${shortId(pack)}: ${reason} ${keptNote(keptBlobs)}`),
    ),
    'See what that costs with: relocate check --read-data',
  ].join('\n');
}

function keptNote(keptBlobs: number): string {
  if (keptBlobs === 0) return 'What it holds is lost, unless another copy of this repository has that file.';
  return `${formatItems(keptBlobs, 'blob')} in it, known from an old index, may still be whole.`;
}

export function keysTable(keys: readonly KeyInfo[]): string {
  return table(
    keys.map((key) => [
      `${key.current ? '*' : ' '}${shortId(key.id)}`,
      sanitise(key.username),
      sanitise(key.hostname),
      formatTime(key.created),
    ]),
    [' ID', 'User', 'Host', 'Created'],
  );
}

export function restoreText(result: DiskSummary & { target: string; durationMs: number }): string {
  return [
    `${formatItems(result.files, 'file')}, ${formatBytes(result.sizeBytes)}, in ${sanitise(result.target)} after ${formatDuration(result.durationMs)}.`,
    ...problemLines(result.problems),
  ].join('\n');
}
