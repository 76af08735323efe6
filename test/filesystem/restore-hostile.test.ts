import {
  linkSync,
  lstatSync,
  lutimesSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { loadPosix } from '../../src/filesystem/posix.ts';
import { guardedTarget, hostile } from './support/guarded-target.ts';
import { isRoot } from './support/restic.ts';
import { written } from './support/written-tree.ts';

const place = guardedTarget();
const { at, left, outside, restore, restoreError } = place;

describe('a name that is no name of an entry is refused, and nothing is written for its folder', () => {
  test.each<[string, string]>([
    ['the folder above', '..'],
    ['the folder itself', '.'],
    ['an absolute path', '/tmp/relocate-hostile'],
    ['a path', 'folder/file'],
    ['a way out', '../outside/canary'],
    ['a slash at the end', 'folder/'],
    ['a zero byte', 'canary\u0000.txt'],
    ['an escaped slash', '..\\x2foutside\\x2fcanary'],
    ['an escaped zero byte', 'canary\\x00'],
    ['escaped dots', '\\x2e\\x2e'],
    ['nothing', ''],
    ['an escape that is none', '\\xzz'],
  ])('%s', async (_, name) => {
    const file = await place.write.file(name, 'evil');
    expect(await restoreError(file)).toEqual(hostile);
    expect(left()).toEqual([]);
    expect(await restoreError(await place.write.folder(name, file))).toEqual(hostile);
    expect(left()).toEqual([]);
  });
});

describe('two entries of one name are refused', () => {
  test('a symlink to outside, and a folder with files below it', async () => {
    const link = place.write.symlink('a', outside());
    const folder = await place.write.folder('a', await place.write.file('canary', 'dead'));
    expect(await restoreError(link, folder)).toEqual(hostile);
    expect(await restoreError(folder, link)).toEqual(hostile);
    expect(left()).toEqual([]);
  });

  test('a file, and a symlink to a file outside', async () => {
    const link = place.write.symlink('a', outside('canary'));
    expect(await restoreError(await place.write.file('a', 'dead'), link)).toEqual(hostile);
    expect(left()).toEqual([]);
  });

  test('one of them spelled by escapes', async () => {
    const link = place.write.symlink('a', outside());
    const folder = await place.write.folder('\\x61', await place.write.file('canary', 'dead'));
    expect(await restoreError(link, folder)).toEqual(hostile);
  });
});

describe('no symlink is written through', () => {
  test('one of the snapshot that leads out, its name in another spelling of a folder beside it', async () => {
    const { problems } = await restore(
      await place.write.folder('Link', await place.write.file('canary', 'dead')),
      place.write.symlink('link', outside()),
      await place.write.folder('link ', await place.write.file('canary', 'dead')),
    );
    expect(problems).toEqual([]);
    expect(readlinkSync(at('link'))).toBe(outside());
    expect(readFileSync(at('Link', 'canary'), 'utf8')).toBe('dead');
  });

  test('one whose node claims to hold a folder as well', async () => {
    const subtree = await place.write.tree(await place.write.file('canary', 'dead'));
    await restore({ ...place.write.symlink('a', outside()), subtree });
    expect(readlinkSync(at('a'))).toBe(outside());
  });

  test.each(['a folder', 'a file', 'a temporary file'])(
    'one that was put in the place of %s before',
    async (what) => {
      const nodes = [
        await place.write.folder('a', await place.write.file('canary', 'new')),
        await place.write.file('b', 'new'),
      ];
      await restore(...nodes);
      if (what === 'a folder') {
        rmSync(at('a'), { recursive: true });
        symlinkSync(outside(), at('a'));
      } else if (what === 'a file') {
        rmSync(at('a', 'canary'));
        symlinkSync(outside('canary'), at('a', 'canary'));
        rmSync(at('b'));
        symlinkSync('../outside/canary', at('b'));
      } else {
        rmSync(at('b'));
        // The name depends on the final name alone: an enemy can know it.
        symlinkSync(outside('canary'), at('.relocate-3e23e8160039594a'));
      }
      expect((await restore(...nodes)).problems).toEqual([]);
      expect(readFileSync(at('a', 'canary'), 'utf8')).toBe('new');
      expect(lstatSync(at('a')).isDirectory()).toBe(true);
      expect(lstatSync(at('b')).isFile()).toBe(true);
      expect(left()).toEqual(['a', 'b']);
    },
  );

  test('one in the place of a folder that only holds what is right there already', async () => {
    symlinkSync(outside('folder'), at('a'));
    const mtime = '2026-01-02T03:04:05Z';
    utimesSync(outside('folder', 'canary'), new Date(mtime), new Date(mtime));
    await place.guardAgain();
    const { problems } = await restore(
      await place.write.folder('a', await place.write.file('canary', 'alive', { mtime, mode: 0o600 })),
    );
    expect(problems).toEqual([]);
    expect(lstatSync(at('a')).isDirectory()).toBe(true);
  });

  test('one in the place of a FIFO', async () => {
    symlinkSync(outside('canary'), at('fifo'));
    const { problems } = await restore(written('fifo', 'fifo'));
    expect(problems).toEqual([]);
    expect(lstatSync(at('fifo')).isFIFO()).toBe(true);
  });
});

describe('hard links', () => {
  const group = { inode: 7, device_id: 8, links: 2 };

  test('a group whose first member is a symlink to outside links the files alone', async () => {
    const { problems } = await restore(
      { ...place.write.symlink('a', outside('canary')), ...group },
      await place.write.file('b', 'own', { ...group, links: 3 }),
      await place.write.file('c', 'own', { ...group, links: 3 }),
    );
    expect(problems).toEqual([]);
    expect(readlinkSync(at('a'))).toBe(outside('canary'));
    expect(readFileSync(at('b'), 'utf8')).toBe('own');
    expect(statSync(at('b')).ino).toBe(statSync(at('c')).ino);
  });

  test('two files of one number and other content stay two files', async () => {
    const { problems } = await restore(
      await place.write.file('a', 'one', group),
      await place.write.file('b', 'two', group),
    );
    expect(problems).toEqual([]);
    expect(readFileSync(at('a'), 'utf8')).toBe('one');
    expect(readFileSync(at('b'), 'utf8')).toBe('two');
  });

  test('a file of the target that is linked from outside is made anew, not written into', async () => {
    linkSync(outside('canary'), at('a'));
    const { problems } = await restore(await place.write.file('a', 'dead', { mode: 0o777 }));
    expect(problems).toEqual([]);
    expect(readFileSync(at('a'), 'utf8')).toBe('dead');
    expect(statSync(at('a')).nlink).toBe(1);
  });

  test.each(['file', 'symlink', 'fifo'])(
    'a %s that is linked from outside, and looks right, gets no other mode',
    async (type) => {
      const mtime = '2026-01-02T03:04:05Z';
      if (type === 'symlink') symlinkSync('canary', outside('linked'));
      else if (type === 'file') writeFileSync(outside('linked'), 'alive');
      else (await loadPosix()).makeNode(Buffer.from(outside('linked')), 0o010640, 0n);
      lutimesSync(outside('linked'), new Date(mtime), new Date(mtime));
      await place.guardAgain();
      linkSync(outside('linked'), at('a'));
      const likewise = { ...group, mtime, ...(isRoot ? { uid: 1234 } : {}) };
      const node =
        type === 'file'
          ? await place.write.file('a', 'alive')
          : type === 'symlink'
            ? place.write.symlink('a', 'canary')
            : written('fifo', 'a');
      const { problems } = await restore({ ...node, mode: Number(node['mode']) | 0o777, ...likewise });
      expect(problems).toEqual([]);
    },
  );
});
