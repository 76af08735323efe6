import type { DataSet } from './data-set.ts';
import { largeFile } from './large-file.ts';
import { fillRandom } from './random.ts';
import { sourceTrees } from './source-trees.ts';
import { fillSql } from './text.ts';

export const setNames = ['random', 'text', 'trees'] as const;
export type SetName = (typeof setNames)[number];

const gib = 1024 ** 3;

const makers: Record<SetName, (scale: number) => DataSet> = {
  random: (scale) =>
    largeFile({
      name: 'random',
      title: 'random bytes, one file',
      sizeBytes: 2 * gib * scale,
      fill: fillRandom,
    }),
  text: (scale) =>
    largeFile({ name: 'text', title: 'SQL-like text, one file', sizeBytes: 1e9 * scale, fill: fillSql }),
  trees: (scale) => sourceTrees(Math.round(46_000 * scale)),
};

/** One of the sets in its full size, or a part of it: `scale` 0.25 is a quarter of the bytes and of the files. */
export const dataSet = (name: SetName, scale = 1): DataSet => makers[name](scale);

/** For growth: the text again, for its repository is small enough to lie in memory beside it. */
export function growingText(sizeGib: number): DataSet {
  return largeFile({
    name: `text-${sizeGib}g`,
    title: `SQL-like text, ${sizeGib} GiB`,
    sizeBytes: sizeGib * gib,
    fill: fillSql,
  });
}
