import type { DataItem } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import type { Captured } from '../sources/source.ts';

/**
 * A capture that yields nothing, or less than its floor, is a failure: an empty dump must never be called a success.
 * Throws `source-empty`.
 */
export function assertFloor(
  entry: DataItem,
  captured: Pick<Captured, 'sizeBytes' | 'items'>,
  where: string,
): void {
  const bytes = entry.floor?.bytes ?? 1;
  const items = entry.floor?.items ?? 1;
  if (captured.sizeBytes >= bytes && captured.items >= items) return;
  const nothing = captured.sizeBytes === 0 || captured.items === 0;
  throw new RelocateError(
    'source-empty',
    nothing
      ? `“${entry.name}” (${entry.kind}) yielded nothing, so there is no snapshot.`
      : `“${entry.name}” (${entry.kind}) yielded less than its floor, so there is no snapshot.`,
    {
      facts: {
        source: entry.name,
        folder: where,
        items: captured.items,
        sizeBytes: captured.sizeBytes,
        floorItems: items,
        floorBytes: bytes,
      },
      hint: `Older snapshots are untouched. If this is right, say so in relocate.yaml: data: ${entry.name}: floor: { items: 0, size: 0B }`,
    },
  );
}
