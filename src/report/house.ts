import type { CopyResult } from '../repository/types.ts';
import { formatBytes, formatItems, sanitise, shortId } from '../ui/format.ts';

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
