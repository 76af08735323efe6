import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { guardedTarget } from './support/guarded-target.ts';
import { blobBytes } from './support/memory-repository.ts';

const place = guardedTarget();
const { at, left, restore } = place;

const content = (fill: string) =>
  fill.repeat(blobBytes / 2) + fill.toUpperCase().repeat(blobBytes / 2) + 'end';

test('of a large file only what differs is fetched again: the rest may be gone from the repository', async () => {
  const node = await place.write.file('large', content('ab'));
  await restore(node);
  const whole = readFileSync(at('large'));
  const [first = '', second = '', ...rest] = node['content'] as string[];
  const spoiled = Buffer.from(whole);
  spoiled.fill('x', blobBytes + 10, blobBytes + 20);
  writeFileSync(at('large'), spoiled);
  place.forget(first, ...rest);
  const { problems, sizeBytes } = await restore(node);
  expect(problems).toEqual([]);
  expect(sizeBytes).toBe(whole.length);
  expect(readFileSync(at('large')).equals(whole)).toBe(true);
  // And what does differ was really needed.
  writeFileSync(at('large'), spoiled);
  place.forget(second);
  expect((await restore(node)).problems).toMatchObject([{ path: at('large') }]);
  expect(readFileSync(at('large')).equals(spoiled)).toBe(true);
  expect(left()).toEqual(['large']);
});

test('a file that is longer, shorter or empty comes back whole, and one that is right is not written at all', async () => {
  const node = await place.write.file('large', content('cd'));
  await restore(node);
  const whole = readFileSync(at('large'));
  for (const wrong of [Buffer.concat([whole, whole]), whole.subarray(0, -1), Buffer.alloc(0)]) {
    writeFileSync(at('large'), wrong);
    expect((await restore(node)).problems).toEqual([]);
    expect(readFileSync(at('large')).equals(whole)).toBe(true);
  }
  const { ino } = statSync(at('large'));
  expect((await restore(node)).problems).toEqual([]);
  expect(statSync(at('large')).ino).toBe(ino);
});

test('a file of the right size and another time is proven, not trusted', async () => {
  const node = await place.write.file('large', content('ef'));
  await restore(node);
  const whole = readFileSync(at('large'));
  writeFileSync(at('large'), Buffer.alloc(whole.length, 'z'));
  utimesSync(at('large'), 1, 1);
  expect((await restore(node)).problems).toEqual([]);
  expect(readFileSync(at('large')).equals(whole)).toBe(true);
});
