import { readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { guardedTarget, hostile } from './support/guarded-target.ts';
import { isRoot } from './support/restic.ts';
import { written } from './support/written-tree.ts';

const place = guardedTarget();
const { at, left, restore, restoreError, restoreId } = place;

describe('a size that lies', () => {
  test.each([
    ['less', 3],
    ['more', 3_000_000],
    ['nothing', 0],
  ])('says %s: the content comes back whole, and the lie is listed', async (_, size) => {
    const { problems, sizeBytes } = await restore(await place.write.file('a', 'content', { size }));
    expect(problems).toEqual([{ path: at('a'), reason: `the snapshot says ${size} bytes, and holds 7` }]);
    expect(readFileSync(at('a'), 'utf8')).toBe('content');
    expect(sizeBytes).toBe(7);
  });

  test('below zero, beyond what a number holds, or none at all is refused', async () => {
    for (const size of [-1, 2 ** 60, 1.5, '7', null]) {
      expect(await restoreError(await place.write.file('a', 'content', { size }))).toEqual(hostile);
      expect(left()).toEqual([]);
    }
  });
});

test('an index that lies about the length of a part: the file is refused, for its parts would lie elsewhere', async () => {
  const large = await place.write.file('large', 'x'.repeat(1_000_000));
  const { repository } = place;
  const sizeOf = repository.blobSize.bind(repository);
  repository.blobSize = (type, id) => (sizeOf(type, id) ?? 0) + 1;
  const { problems } = await restore(large, await place.write.file('small', 'x'));
  expect(problems).toEqual([{ path: at('large'), reason: expect.stringContaining('length') }]);
  expect(left()).toEqual(['small']);
});

describe('folders without end', () => {
  test('3,000 of them are refused, whether their paths are too long for the disk or not', async () => {
    let tree = await place.write.tree(await place.write.file('bottom', 'x'));
    for (let depth = 0; depth < 3000; depth += 1) {
      tree = await place.write.tree(written('dir', 'd', { subtree: tree }));
    }
    const outcome = await restoreId(tree).catch((error: unknown) => error);
    // The disk's own limit may come first: then the rest is listed as one problem.
    expect([hostile, expect.objectContaining({ problems: [expect.anything()] })]).toContainEqual(outcome);
    expect(left()).toEqual(['d']);
  });

  test('a folder that says to be its own content is a damaged one, as no digest can say so', async () => {
    const subtree = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const failure = await restoreError(written('dir', 'a', { subtree }));
    expect(failure).toMatchObject({ code: 'repository-damaged' });
  });
});

describe('numbers and times that no disk has', () => {
  test.each<[string, Record<string, unknown>]>([
    ['an owner beyond 32 bits', { uid: 2 ** 32 }],
    ['an owner below zero', { gid: -1 }],
    ['a mode beyond 32 bits', { mode: 2 ** 32 }],
    ['the 99th month', { mtime: '2026-99-01T00:00:00Z' }],
    ['the 40th day', { atime: '2026-01-40T00:00:00Z' }],
    ['the 25th hour', { mtime: '2026-01-01T25:00:00Z' }],
    ['the 61st second', { ctime: '2026-01-01T00:00:61Z' }],
    ['a zone of 99 hours', { mtime: '2026-01-01T00:00:00+99:99' }],
    ['words for a time', { mtime: 'yesterday' }],
    ['a device beyond 64 bits', { device: 2 ** 80 }],
  ])('%s: refused', async (_, fields) => {
    expect(await restoreError(await place.write.file('a', 'x', fields))).toEqual(hostile);
    expect(left()).toEqual([]);
  });

  test.each([
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999999999Z',
    '1901-01-01T00:00:00.5-12:00',
    '2026-02-31T00:00:00Z',
  ])('the time %s is set as near as the disk can, and the file is there', async (mtime) => {
    const node = await place.write.file('a', 'x', { mtime, atime: mtime });
    expect((await restore(node)).problems).toEqual([]);
    expect((await restore(node)).problems).toEqual([]);
    expect(readFileSync(at('a'), 'utf8')).toBe('x');
  });

  (isRoot ? test : test.skip)(
    'the owner that means “no change” to the system gives no rights away',
    async () => {
      const setIds = 2 ** 23 + 2 ** 22 + 0o755;
      const fields = { uid: 2 ** 32 - 1, gid: 2 ** 32 - 1, mode: setIds };
      const { problems } = await restore(await place.write.file('a', '#!/bin/sh', fields));
      expect(problems).not.toEqual([]);
      expect(statSync(at('a')).mode & 0o7777).toBe(0o755);
    },
  );

  (isRoot ? test : test.skip)(
    'a device number of 64 bits all set is made or listed, never a crash',
    async () => {
      const json = await place.write.tree(
        written('chardev', 'a', { mode: 2 ** 26 + 2 ** 21 + 0o600, device: 0 }),
        await place.write.file('b', 'x'),
      );
      expect((await restoreId(json)).problems).toEqual([]);
      expect(statSync(at('a')).isCharacterDevice()).toBe(true);
      for (const device of ['18446744073709551615', '99999999999999999999']) {
        const node = written('chardev', 'c', { mode: 2 ** 26 + 2 ** 21 + 0o600, device });
        const outcome = await restore(node).catch((error: unknown) => error);
        expect([hostile, expect.objectContaining({ problems: expect.any(Array) })]).toContainEqual(outcome);
      }
    },
  );
});

describe('links to nowhere', () => {
  test('an empty target, or one that is too long, is listed; the rest comes back', async () => {
    const { problems } = await restore(
      written('symlink', 'a', { linktarget_raw: '' }),
      place.write.symlink('b', 'x'.repeat(5000)),
      await place.write.file('c', 'x'),
    );
    expect(problems.map(({ path }) => path)).toEqual([at('a'), at('b')]);
    expect(left()).toEqual(['c']);
  });

  test('a target with a zero byte, or none, is refused', async () => {
    expect(await restoreError(place.write.symlink('a', 'x\u0000y'))).toEqual(hostile);
    expect(await restoreError(written('symlink', 'a'))).toEqual(hostile);
    expect(left()).toEqual([]);
  });
});
