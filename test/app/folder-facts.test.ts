import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { maxEntries, maxReadBytes } from '../../src/app/folder-facts.ts';
import { readFolderFacts } from '../../src/cli/folder-facts.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-facts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (name: string, content = '') => writeFile(join(folder, name), content);

describe('a folder is looked at', () => {
  test('by names, and the content of the few files that tell something', async () => {
    await mkdir(join(folder, 'a/b/c/d'), { recursive: true });
    await mkdir(join(folder, 'node_modules/pg'), { recursive: true });
    await write('Procfile', 'web: x\n');
    await write('server.js', 'secret');
    await write('a/b/.env', 'A=1\n');
    await write('a/b/c/deep.sqlite');
    expect(await readFolderFacts(folder)).toEqual({
      name: folder.split('/').at(-1),
      files: { Procfile: 'web: x\n', 'server.js': undefined, 'a/b/.env': 'A=1\n' },
      directories: ['a', 'a/b', 'a/b/c'],
      folderLinks: {},
      unread: {},
    });
  });

  test('with links to files read, links to folders named, and loops told instead of followed', async () => {
    await mkdir(join(folder, 'shared/uploads'), { recursive: true });
    await write('shared/env', 'A=1\n');
    await symlink('shared/env', join(folder, '.env'));
    await symlink('shared/uploads', join(folder, 'uploads'));
    await symlink('.', join(folder, 'self'));
    await symlink('ping', join(folder, 'pong'));
    await symlink('pong', join(folder, 'ping'));
    await symlink('nowhere', join(folder, 'dangling'));
    const facts = await readFolderFacts(folder);
    expect(facts.files['.env']).toBe('A=1\n');
    expect(facts.folderLinks).toEqual({ uploads: `${folder}/shared/uploads`, self: folder });
    expect(facts.unread).toEqual({ ping: 'ELOOP', pong: 'ELOOP', dangling: 'ENOENT' });
  });

  test('without reading what is too large, or is no file at all', async () => {
    await write('Procfile', 'x'.repeat(maxReadBytes + 1));
    execFileSync('mkfifo', [join(folder, '.env')]);
    await symlink('/dev/zero', join(folder, 'package.json'));
    const facts = await readFolderFacts(folder);
    expect(facts.files).toEqual({ Procfile: undefined });
    expect(facts.unread).toEqual({ Procfile: 'it is larger than 1 MiB' });
  });

  test('up to a number of files, and that there are more is told', async () => {
    await mkdir(join(folder, 'many'));
    const names = Array.from({ length: maxEntries + 5 }, (_, index) => `many/${index}`);
    for (let at = 0; at < names.length; at += 500) {
      await Promise.all(names.slice(at, at + 500).map((name) => write(name)));
    }
    await write('zebra.sqlite');
    const { files, unread } = await readFolderFacts(folder);
    expect(Object.keys(files).length).toBeLessThanOrEqual(maxEntries);
    expect(Object.keys(files)).toContain('zebra.sqlite');
    expect(unread).toMatchObject({ many: expect.stringContaining('more than') });
  });

  test('and what may not be read is listed, and ends nothing', async () => {
    await mkdir(join(folder, 'private'));
    await write('.env', 'A=1\n');
    await write('Procfile', 'web: x\n');
    await chmod(join(folder, 'private'), 0);
    await chmod(join(folder, '.env'), 0);
    await chmod(folder, 0o755);
    const facts = await asNobody(() => readFolderFacts(folder));
    expect(facts.unread).toEqual({ '.env': 'EACCES', private: 'EACCES' });
    expect(facts.files['Procfile']).toBe('web: x\n');
  });
});

/** Root may read everything, so the look is had with the rights of another user. */
async function asNobody<T>(look: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return look();
  process.seteuid?.(65_534);
  try {
    return await look();
  } finally {
    process.seteuid?.(0);
  }
}
