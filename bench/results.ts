import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format } from 'prettier';
import { placeNames } from './places.ts';
import { barChart, lineCharts, type Series } from './plot.ts';
import { profileTables, type Profile } from './profile.ts';
import type { Phase, Run } from './rounds.ts';
import { summarise, type Group, type Row } from './summary.ts';
import { median } from './statistics.ts';
import { groupsTable, placeTitles } from './tables.ts';

/** What was measured, one entry a run: whatever else is kept is made from it. */
export async function readResults(folder: string): Promise<Run[]> {
  try {
    return JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')) as Run[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const isGrowth = ({ set }: Group): boolean => /^text-\d/.test(set);

/** results.json, tables.md with a table for each place, and the drawings that belong to them. */
export async function writeResults(folder: string, runs: readonly Run[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const groups = summarise(runs);
  const parts: string[] = [];
  for (const place of placeNames) {
    const here = groups.filter((group) => group.place === place && !isGrowth(group));
    if (here.length === 0) continue;
    const title = `Repository: ${placeTitles[place]}`;
    parts.push(`## ${title}\n\n![The same as a drawing](${place}.svg)\n\n${groupsTable(here)}`);
    await writeFile(join(folder, `${place}.svg`), barChart(title, here));
  }
  const growth = groups
    .filter((group) => isGrowth(group) && group.place === 'local')
    .toSorted((a, b) => a.sizeBytes - b.sizeBytes);
  if (growth.length > 0) {
    parts.push(`## Growth\n\n![The same as a drawing](growth.svg)\n\n${groupsTable(growth)}`);
    await writeFile(join(folder, 'growth.svg'), growthChart(growth));
  }
  const json = await format(JSON.stringify(runs), { parser: 'json', printWidth: 400 });
  await writeFile(join(folder, 'results.json'), json);
  const document = `# What bench/ measured\n\n${parts.join('\n\n')}\n`;
  await writeFile(join(folder, 'tables.md'), await format(document, { parser: 'markdown' }));
}

/** profile.md: where relocate spent its time. */
export async function writeProfiles(folder: string, profiles: readonly Profile[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const document = `# Where relocate spends its time\n\n${profileTables(profiles)}\n`;
  await writeFile(join(folder, 'profile.md'), await format(document, { parser: 'markdown' }));
}

function growthChart(groups: readonly Group[]): string {
  const series = (phase: Phase, of: (row: Row) => number): Series[] => {
    const here = groups.filter((group) => group.phase === phase);
    return (here[0]?.rows ?? []).map(({ peer }) => ({
      peer,
      points: here.flatMap(({ sizeBytes, rows }) => {
        const row = rows.find((one) => one.peer === peer);
        return row === undefined ? [] : [[sizeBytes / 1024 ** 3, of(row)] as const];
      }),
    }));
  };
  return lineCharts('Growth: SQL-like text in one file', 'GiB', [
    { title: 'First snapshot, seconds', series: series('first', ({ wall }) => median(wall)) },
    { title: 'Restore, seconds', series: series('restore', ({ wall }) => median(wall)) },
    { title: 'First snapshot, peak MiB', series: series('first', ({ peakMib }) => peakMib) },
    { title: 'Restore, peak MiB', series: series('restore', ({ peakMib }) => peakMib) },
  ]);
}
