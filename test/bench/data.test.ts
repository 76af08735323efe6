import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dataSet, setNames } from '../../bench/data/index.ts';
import { fillRandom } from '../../bench/data/random.ts';
import { fillSource, fillSql } from '../../bench/data/text.ts';
import { assertRestored, contentOf } from '../../bench/judge.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-bench-data-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe.each(setNames)('the set %s', (name) => {
  const set = dataSet(name, 0.005);

  test('is the same each time, and again after it was changed and changed back', async () => {
    await set.make(folder);
    const made = await contentOf(folder);
    await set.change(folder);
    const changed = await contentOf(folder);
    expect(changed).not.toEqual(made);
    expect([...changed.keys()]).toEqual([...made.keys()]);
    await set.changeBack(folder);
    expect(await contentOf(folder)).toEqual(made);
    await rm(folder, { recursive: true });
    folder = await mkdtemp(join(tmpdir(), 'relocate-bench-data-'));
    await set.make(folder);
    expect(await contentOf(folder)).toEqual(made);
  });

  test('a restore that is not the same byte for byte is told', async () => {
    await set.make(folder);
    const made = await contentOf(folder);
    await assertRestored(made, folder, 'nobody');
    await set.change(folder);
    await expect(assertRestored(made, folder, 'somebody')).rejects.toThrow(
      /somebody restored \d+ paths wrongly/,
    );
  });
});

test('the sets are as large as they say', () => {
  expect(dataSet('random').sizeBytes).toBe(2 * 1024 ** 3);
  expect(dataSet('text').sizeBytes / 1e9).toBeCloseTo(1, 2);
  expect(dataSet('trees').sizeBytes / 1e9).toBeGreaterThan(2.1);
  expect(dataSet('trees').sizeBytes / 1e9).toBeLessThan(2.3);
});

// What made-up text is worth: real dumps and sources are compressed to a third or a quarter as well.
test.each([
  [fillRandom, 0.99, 1],
  [fillSql, 2.8, 4],
  [fillSource, 3.5, 5],
])('%p is compressed as what it stands for', (fill, least, most) => {
  const block = Buffer.alloc(1024 * 1024);
  fill(block, 7);
  const ratio = block.length / zstdCompressSync(block).length;
  expect(ratio).toBeGreaterThan(least);
  expect(ratio).toBeLessThanOrEqual(most);
});
