import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { silent } from '../../src/events.ts';
import { savedTree } from '../../src/filesystem/restore.ts';
import { guardedTarget } from './support/guarded-target.ts';
import { asNobody, nobody } from './support/nobody.ts';
import { isRoot } from './support/restic.ts';
import { written, type WrittenNode } from './support/written-tree.ts';

const place = guardedTarget();
const { at, left, restore } = place;
const options = { emit: silent, signal: new AbortController().signal };
const own = { uid: nobody, gid: nobody };
const setIds = 2 ** 23 + 2 ** 22;

// Root on Linux: only root can become somebody else.
(isRoot ? describe : describe.skip)('a restore by a user who is not root', () => {
  beforeEach(() => {
    chmodSync(dirname(at()), 0o755);
    chownSync(at(), nobody, nobody);
  });

  test('lists devices as problems, and brings back the rest', async () => {
    const nodes = [
      written('chardev', 'character', { mode: 2 ** 26 + 2 ** 21 + 0o666, device: 0x103, ...own }),
      written('dev', 'disk', { mode: 2 ** 26 + 0o660, device: 0x801, ...own }),
      { ...written('fifo', 'pipe', own) },
      await place.write.file('rest', 'x', own),
    ];
    const { problems } = await asNobody(() => restore(...nodes));
    expect(problems).toEqual([
      { path: at('character'), reason: 'only root can make a device' },
      { path: at('disk'), reason: 'only root can make a device' },
    ]);
    expect(left()).toEqual(['pipe', 'rest']);
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
  });

  test('leaves out set-ID bits where the owner is another, and keeps them where it is not', async () => {
    const nodes = [
      await place.write.file('other', 'x', { uid: 0, gid: 0, mode: setIds + 0o755 }),
      await place.write.file('own', 'x', { ...own, mode: setIds + 0o755 }),
      { ...(await place.write.folder('shared')), uid: 0, gid: 0, mode: 2 ** 31 + 2 ** 22 + 0o775 },
    ];
    const { problems } = await asNobody(() => restore(...nodes));
    expect(problems.map(({ path }) => path).toSorted()).toEqual([at('other'), at('shared')]);
    expect(problems[0]?.reason).toContain('set-user-ID');
    expect(statSync(at('other')).mode & 0o7777).toBe(0o755);
    expect(statSync(at('own')).mode & 0o7777).toBe(0o6755);
    expect(statSync(at('shared')).mode & 0o7777).toBe(0o775);
    expect(statSync(at('other')).uid).toBe(nobody);
  });

  test('lists attributes that only root may set; the file and its own ones are there', async () => {
    const attribute = (name: string, value = 'x') => ({ name, value: Buffer.from(value).toString('base64') });
    const extended_attributes = [
      attribute('security.capability', '\u0001\u0000\u0000\u0002'),
      attribute('trusted.overlay.redirect', '/outside'),
      attribute('no such kind'),
      attribute('user.fine'),
    ];
    const { problems } = await asNobody(async () =>
      restore(await place.write.file('a', 'content', { ...own, extended_attributes })),
    );
    expect(problems.map(({ path }) => path)).toEqual([at('a'), at('a'), at('a')]);
    for (const [index, name] of ['security.capability', 'trusted.overlay.redirect', 'no such kind'].entries())
      expect(problems[index]?.reason).toContain(name);
    expect(readFileSync(at('a'), 'utf8')).toBe('content');
  });

  test('goes on in folders and files that it made unwritable the time before, also the target itself', async () => {
    const closed = { ...own, mode: 2 ** 31 + 0o500 };
    const rootOf = async (text: string, ...more: WrittenNode[]) => {
      const file = await place.write.file('a', text, { ...own, mode: 0o400 });
      const folder = { ...(await place.write.folder('folder', file)), ...closed };
      return place.write.tree({ ...(await place.write.folder('data', folder, ...more)), ...closed });
    };
    const restoreData = async (tree: string) =>
      (await savedTree(place.repository, tree, '/data', options)).writeTo(at());
    const first = await rootOf('x');
    const second = await rootOf('xy', await place.write.file('new', 'x', own));
    const problems = await asNobody(async () => [
      ...(await restoreData(first)).problems,
      ...(await restoreData(second)).problems,
    ]);
    expect(problems).toEqual([]);
    expect(readFileSync(at('folder', 'a'), 'utf8')).toBe('xy');
    for (const path of [at(), at('folder')]) expect(statSync(path).mode & 0o777).toBe(0o500);
    expect(left()).toEqual(['folder', 'new']);
  });

  test('into a folder of somebody else fails at once, saying which', () => {
    chownSync(at(), 0, 0);
    const module = (path: string) => new URL(path, import.meta.url).href;
    // A process of its own: the system asks for the user it was started by.
    const program = `
      import { restoreTree } from '${module('../../src/filesystem/restore.ts')}';
      import { memoryRepository } from '${module('support/memory-repository.ts')}';
      const { repository } = memoryRepository();
      const tree = await repository.saveTree(Buffer.from('{"nodes":[]}'));
      const signal = new AbortController().signal;
      await restoreTree(repository, tree, process.argv[1], { emit() {}, signal }).catch(({ code, message }) =>
        console.log(code, message));`;
    const said = execFileSync(
      process.execPath,
      ['--no-warnings', '--input-type=module', '-e', program, at()],
      {
        encoding: 'utf8',
        cwd: '/',
        env: {},
        uid: nobody,
        gid: nobody,
      },
    );
    expect(said).toContain(`restore-failed ${at()} cannot be written: EACCES`);
    expect(left()).toEqual([]);
  });
});
