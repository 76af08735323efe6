import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FolderLister } from '../../src/filesystem/folder-lister.ts';
import { entriesOf, listFolder, seeFolders, type FolderEntries } from '../../src/filesystem/list-folder.ts';
import { loadPosix, type Glimpse } from '../../src/filesystem/posix.ts';

const posix = await loadPosix();
const testHere = posix.glimpse === undefined ? test.skip : test;
const withGlimpse = posix as typeof posix & { glimpse: Glimpse };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'list-folder-'));
  mkdirSync(join(root, 'b', 'deep', 'empty'), { recursive: true });
  mkdirSync(join(root, 'a'));
  writeFileSync(join(root, 'a', 'one'), '1');
  writeFileSync(join(root, 'a', 'tw\n o'), '22');
  writeFileSync(Buffer.concat([Buffer.from(join(root, 'a', 'no-utf8-')), Buffer.of(0xff)]), '333');
  writeFileSync(join(root, 'b', 'deep', 'file'), '4444');
  symlinkSync('nowhere', join(root, 'c'));
});
afterEach(() => rmSync(root, { recursive: true }));

const factsOf = (entries: FolderEntries) => ({
  names: entries.names,
  folders: entries.folders,
  stats: entries.names.map((_, index) => entries.statOf(index)),
});

describe('folders that are looked at ahead of the walk', () => {
  testHere('are seen as the walk itself sees them, with all that is below, whatever their names', () => {
    const seen = entriesOf(seeFolders([root], withGlimpse.glimpse, 100), withGlimpse);
    expect([...seen.keys()]).toEqual(['', '/a', '/b', '/b/deep', '/b/deep/empty'].map((path) => root + path));
    for (const [path, entries] of seen) expect(factsOf(entries)).toEqual(factsOf(listFolder(path, posix)));
  });

  testHere('stop where it is enough, and leave out whole folders only', () => {
    const seen = entriesOf(seeFolders([root], withGlimpse.glimpse, 5), withGlimpse);
    expect([...seen.keys()]).toEqual([root, `${root}/b`, `${root}/b/deep`].slice(0, seen.size));
    for (const [path, entries] of seen) expect(factsOf(entries)).toEqual(factsOf(listFolder(path, posix)));
  });

  testHere('that are not there are left for the walk to find out', () => {
    const seen = entriesOf(seeFolders([`${root}/gone`, `${root}/a`], withGlimpse.glimpse, 100), withGlimpse);
    expect([...seen.keys()]).toEqual([`${root}/a`]);
  });

  testHere('tell which files have extended attributes, so that the others are not asked', () => {
    const [path] = [`${root}/a`];
    posix.setAttribute(Buffer.from(`${path}/one`), { name: 'user.relocate', value: Buffer.from('x') });
    const entries = entriesOf(seeFolders([path], withGlimpse.glimpse, 100), withGlimpse).get(path);
    const having = entries?.names.filter((_, index) => entries.mayHaveAttributes(index));
    expect(having).toEqual(['one']);
  });

  test('come from the lister as from the disk, expected or not', async () => {
    const lister = new FolderLister(posix);
    try {
      const top = await lister.take(root);
      lister.expect(root, top, 0);
      for (const path of ['/a', '/b', '/b/deep', '/b/deep/empty'].map((end) => root + end)) {
        expect(factsOf(await lister.take(path))).toEqual(factsOf(listFolder(path, posix)));
      }
      await expect(lister.take(`${root}/gone`)).rejects.toThrow('ENOENT');
    } finally {
      await lister.close();
    }
  });
});
