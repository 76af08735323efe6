import { markdownTable } from './markdown.ts';
import type { Phase } from './rounds.ts';
import { median, spread } from './statistics.ts';
import type { Group, Row } from './summary.ts';

const phaseTitles: Record<Phase, string> = {
  first: 'first snapshot',
  unchanged: 'next snapshot, nothing changed',
  changed: 'next snapshot, 1 % changed',
  restore: 'restore',
};

export const placeTitles: Record<string, string> = {
  local: 'a local folder',
  s3: 'S3, no latency',
  's3-30ms': 'S3, 30 ms of latency',
};

export const titleOf = ({ set, title, sizeBytes, phase, place }: Group): string =>
  `${set}: ${(sizeBytes / 1e9).toFixed(1)} GB (${title}), ${phaseTitles[phase]}, ${placeTitles[place] ?? place}`;

const heading = [
  'what',
  'program',
  'seconds, median (spread)',
  'by relocate’s',
  'CPU s (system)',
  'peak MiB',
  'repository MB',
];

function cellsOf(row: Row): string[] {
  const digits = median(row.wall) < 10 ? 2 : 1;
  return [
    row.peer,
    `${median(row.wall).toFixed(digits)} (${spread(row.wall, digits)})`,
    `${row.ratio.toFixed(2)} ×`,
    `${row.cpuSeconds.toFixed(1)} (${row.systemSeconds.toFixed(1)})`,
    row.peakMib.toFixed(0),
    row.repositoryMb.toFixed(0),
  ];
}

/** All groups in one Markdown table, each with a line a program. */
export function groupsTable(groups: readonly Group[]): string {
  const rows = groups.flatMap((group) =>
    group.rows.map((row, index) => [
      index === 0 ? `${group.set}, ${phaseTitles[group.phase]}` : '',
      ...cellsOf(row),
    ]),
  );
  return markdownTable(heading, rows, { textColumns: 2 });
}

/** For a terminal, while it runs. */
export function plainTable(group: Group): string {
  const lines = group.rows.map((row) => {
    const [peer = '', wall = '', ratio = '', cpu = '', peak = '', repository = ''] = cellsOf(row);
    return `  ${peer.padEnd(9)} ${wall.padStart(22)} s ${ratio.padStart(8)} ${cpu.padStart(12)} CPU s ${peak.padStart(5)} MiB ${repository.padStart(6)} MB`;
  });
  return [titleOf(group), ...lines].join('\n');
}
