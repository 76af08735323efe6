import { expect, test } from '@jest/globals';
import { ReadPlan } from '../../src/repository/read-plan.ts';

const mebibyte = 1024 * 1024;
const place = (pack: string, offset: number, length: number) => ({
  pack,
  offset,
  length,
  uncompressedLength: 0,
});

test('a blob that is wanted again waits once, with both works', () => {
  const plan = new ReadPlan();
  plan.add('a', 1, [place('p', 0, 10)]);
  plan.add('a', 2, [place('p', 0, 10)]);
  expect(plan.blobs).toBe(1);
  expect(plan.takeFullest()[0]?.blobs.map(({ works }) => works)).toEqual([[1, 2]]);
  expect(plan.blobs).toBe(0);
});

test('the pack that most is wanted of comes first', () => {
  const plan = new ReadPlan();
  plan.add('a', 1, [place('little', 0, 10)]);
  plan.add('b', 1, [place('much', 0, 1000)]);
  plan.add('c', 1, [place('little', 10, 10)]);
  expect([plan.takeFullest()[0]?.pack, plan.takeFullest()[0]?.pack]).toEqual(['much', 'little']);
  expect(plan.takeFullest()).toEqual([]);
});

test('neighbours are read together in their order, over small gaps, and not without end', () => {
  const plan = new ReadPlan();
  for (const [id, offset, length] of [
    ['d', 20 * mebibyte, 100],
    ['b', 2000, 1000],
    ['a', 0, 1000],
    ['c', 100_000, 3 * mebibyte],
    ['e', 20 * mebibyte + 100, 6 * mebibyte],
  ] as const)
    plan.add(id, 0, [place('p', offset, length)]);
  const runs = plan.takeFullest();
  expect(runs.map(({ blobs }) => blobs.map(({ id }) => id).join(''))).toEqual(['abc', 'd', 'e']);
  expect(runs.map(({ offset, length }) => [offset, length])).toEqual([
    [0, 100_000 + 3 * mebibyte],
    [20 * mebibyte, 100],
    [20 * mebibyte + 100, 6 * mebibyte],
  ]);
});
