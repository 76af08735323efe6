import { open, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { changedAt, madeAt, type DataSet } from './data-set.ts';

const mib = 1024 * 1024;
/** Each block is made from its own number, so that all is the same whatever the size. */
const blockBytes = mib;
/** One block of so many is overwritten: 1 %. */
const changeEvery = 100;

/** One file, each block of which `fill` makes from its number. */
export function largeFile({
  name,
  title,
  sizeBytes,
  fill,
}: {
  name: string;
  title: string;
  sizeBytes: number;
  fill: (block: Buffer, seed: number) => void;
}): DataSet {
  const blocks = Math.floor(sizeBytes / blockBytes);
  const block = Buffer.alloc(blockBytes);

  const write = async (
    folder: string,
    { flags, time }: { flags: string; time: number },
    numbers: Iterable<{ at: number; seed: number }>,
  ) => {
    const path = join(folder, `${name}.bin`);
    const file = await open(path, flags);
    try {
      for (const { at, seed } of numbers) {
        fill(block, seed);
        await file.write(block, 0, blockBytes, at * blockBytes);
      }
    } finally {
      await file.close();
    }
    await utimes(path, time, time);
  };
  const changed = Array.from({ length: Math.ceil(blocks / changeEvery) }, (_, index) => index * changeEvery);

  return {
    name,
    title,
    sizeBytes: blocks * blockBytes,
    make: (folder) =>
      write(
        folder,
        { flags: 'w', time: madeAt },
        Array.from({ length: blocks }, (_, at) => ({ at, seed: at })),
      ),
    change: (folder) =>
      write(
        folder,
        { flags: 'r+', time: changedAt },
        changed.map((at) => ({ at, seed: blocks + at })),
      ),
    changeBack: (folder) =>
      write(
        folder,
        { flags: 'r+', time: madeAt },
        changed.map((at) => ({ at, seed: at })),
      ),
  };
}
