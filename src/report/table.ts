import { displayWidth, padEnd } from '../ui/format.ts';

/** Rows with their columns aligned; widths are those a terminal shows. */
export function table(rows: readonly (readonly string[])[], heading?: readonly string[]): string {
  const all = heading ? [heading, ...rows] : rows;
  const columns = Math.max(0, ...all.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(...all.map((row) => displayWidth(row[at] ?? ''))),
  );
  return all
    .map((row) =>
      row
        .map((cell, at) => padEnd(cell, widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
