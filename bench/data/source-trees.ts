import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { changedAt, madeAt, type DataSet } from './data-set.ts';
import { fillRandom } from './random.ts';
import { fillSource } from './text.ts';

/**
 * File sizes in bytes at these parts of all files, smallest first. The shape is that of real trees: of Go's own sources
 * and a node_modules folder half of the files are below 1.1 KB, nine of ten below 14 KB, and one of a thousand is above
 * 2 MB. Drawn out by three, for trees that hold built and packed files as well: 47 KB a file.
 */
const sizesAt: readonly (readonly [part: number, sizeBytes: number])[] = [
  [0, 60],
  [0.05, 150],
  [0.25, 900],
  [0.5, 3300],
  [0.75, 13_000],
  [0.9, 43_000],
  [0.95, 88_000],
  [0.99, 370_000],
  [0.999, 5_000_000],
  [1, 32_000_000],
];

/** Logarithms are interpolated, for sizes are spread over six orders of magnitude. */
function sizeAt(part: number): number {
  const upper = Math.max(
    1,
    sizesAt.findIndex(([at]) => at >= part),
  );
  const [fromPart, fromBytes] = sizesAt[upper - 1] ?? [0, 0];
  const [toPart, toBytes] = sizesAt[upper] ?? [1, 0];
  return Math.round(fromBytes * (toBytes / fromBytes) ** ((part - fromPart) / (toPart - fromPart)));
}

/** A step that meets every file once: large ones lie everywhere among small ones. */
const stride = 15_485_863;

interface TreeFile {
  path: string;
  sizeBytes: number;
  seed: number;
  isPacked: boolean;
}

function fileAt(index: number, count: number): TreeFile {
  // As in trees with vendored code, one file of twenty is a copy of another.
  const seed = index % 20 === 19 ? Math.floor(index / 40) : index;
  const rank = (seed * stride) % count;
  return {
    path: join(
      `project-${Math.floor(index / 1500)}`,
      `package-${Math.floor(index / 100)}`,
      `part-${Math.floor(index / 12)}`,
      `module-${index}.ts`,
    ),
    sizeBytes: sizeAt((rank + 0.5) / count),
    seed,
    // Images, archives: some small, and every other of the largest.
    isPacked: seed % 60 === 0 || (rank > count * 0.999 && seed % 2 === 0),
  };
}

/** Folders of made-up source code, `count` files. */
export function sourceTrees(count: number): DataSet {
  const files = Array.from({ length: count }, (_, index) => fileAt(index, count));
  const changed = files.filter((_, index) => index % 100 === 50);
  const write = async (folder: string, file: TreeFile, { seedOffset = 0, time = madeAt } = {}) => {
    const content = Buffer.allocUnsafe(file.sizeBytes);
    (file.isPacked ? fillRandom : fillSource)(content, file.seed + seedOffset);
    const path = join(folder, file.path);
    await writeFile(path, content);
    await utimes(path, time, time);
  };
  return {
    name: 'trees',
    title: `source trees, ${count.toLocaleString('en')} files`,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    async make(folder) {
      for (const parent of new Set(files.map(({ path }) => dirname(path))))
        await mkdir(join(folder, parent), { recursive: true });
      for (const file of files) await write(folder, file);
    },
    async change(folder) {
      for (const file of changed) await write(folder, file, { seedOffset: count, time: changedAt });
    },
    async changeBack(folder) {
      for (const file of changed) await write(folder, file);
    },
  };
}
