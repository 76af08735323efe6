import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openStorage } from '../../src/storage/index.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { codeOf, errorOf, named, storageContract } from '../contract/storage.ts';
import { resticBinaries, resticFor, withRepository } from '../filesystem/support/restic.ts';
import { seeded } from '../support/random.ts';

storageContract('a local folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-storage-'));
  return {
    storage: new LocalStorage(join(folder, 'repository')),
    again: async () => new LocalStorage(join(folder, 'repository')),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
});

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
const hasRestic = resticBinaries.length > 0;

describe('a local folder', () => {
  let folder: string;
  let root: string;
  let storage: LocalStorage;
  const random = seeded(65);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-storage-'));
    root = join(folder, 'repository');
    storage = new LocalStorage(root);
    await storage.initialise();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function tree(of: string): Promise<string[]> {
    const entries = await readdir(of, { recursive: true, withFileTypes: true });
    return entries.map((entry) => relative(of, join(entry.parentPath, entry.name))).toSorted();
  }

  test('nothing outside the folder is made, and a hostile name leaves no trace inside', async () => {
    const before = await tree(folder);
    await storage.save({ type: 'key', name: '../../stolen' }, [Buffer.from('x')]).catch(() => {});
    expect(await tree(folder)).toEqual(before);
  });

  test('strangers are not listed: drafts, other names, folders named like files, foreign folders', async () => {
    const content = Buffer.from('a pack');
    const file = named('pack', content);
    await storage.save(file, [content]);
    const spread = join(root, 'data', file.name.slice(0, 2));
    await writeFile(join(spread, `${file.name}-tmp-123456789abc`), 'half');
    await writeFile(join(spread, '.DS_Store'), '');
    await mkdir(join(spread, 'b'.repeat(64)));
    await mkdir(join(root, 'data', 'lost+found'));
    await writeFile(join(root, 'data', 'lost+found', 'c'.repeat(64)), '');
    await symlink('nowhere', join(root, 'snapshots', 'd'.repeat(64)));
    expect(await storage.list('pack')).toEqual([{ name: file.name, sizeBytes: content.length }]);
    expect(await storage.list('snapshot')).toEqual([]);
  });

  test('a repository copied without its empty folders is listed and written to', async () => {
    const bare = join(folder, 'bare');
    await mkdir(bare);
    const copied = new LocalStorage(bare);
    expect(await copied.list('pack')).toEqual([]);
    expect(await copied.list('lock')).toEqual([]);
    for (const type of ['pack', 'lock'] as const) {
      await copied.save(named(type, Buffer.from('x')), [Buffer.from('x')]);
      expect(await copied.list(type)).toHaveLength(1);
    }
  });

  test('a failed save takes its draft away', async () => {
    const before = await tree(root);
    const broken = [random.bytes(10), undefined as unknown as Uint8Array];
    await storage.save(named('pack', random.bytes(10)), broken).catch(() => {});
    expect(await tree(root)).toEqual(before);
  });

  test('a save killed on its way leaves nothing to be seen, and its draft is in nobody’s way', async () => {
    const killer = fileURLToPath(new URL('../support/save-forever.ts', import.meta.url));
    let drafts: string[] = [];
    for (let round = 0; round < 20 && drafts.length === 0; round += 1) {
      const child = spawn(process.execPath, ['--no-warnings', killer, root], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, NODE_OPTIONS: '' },
      });
      await once(child.stdout, 'data');
      await sleep(random.int(60));
      child.kill('SIGKILL');
      await once(child, 'close');
      drafts = (await tree(root)).filter((path) => path.includes('-tmp-'));
    }
    expect(drafts).not.toEqual([]);
    for (const { name } of await storage.list('pack')) {
      expect(named('pack', await storage.load({ type: 'pack', name })).name).toBe(name);
    }
    const name = /[0-9a-f]{64}/.exec(drafts[0] ?? '')?.[0] ?? '';
    expect(await storage.size({ type: 'pack', name })).toBeUndefined();
    await storage.save({ type: 'pack', name }, [Buffer.from('the second attempt')]);
    expect((await storage.load({ type: 'pack', name })).toString()).toBe('the second attempt');
  });

  (hasRestic ? test : test.skip)(
    'folders and files have the modes that restic gives them (needs restic)',
    async () => {
      const theirs = join(folder, 'restic');
      await mkdir(join(folder, 'some'));
      await writeFile(join(folder, 'some', 'file'), random.bytes(1000));
      const restic = resticFor(resticBinaries[0] ?? '', theirs);
      restic(['init']);
      restic(['backup', join(folder, 'some')]);
      const ours = join(folder, 'ours');
      await withRepository(ours, async (repository) => {
        await repository.saveBytes(random.bytes(1000));
        const tree = await repository.saveTree(Buffer.from('{"nodes":[]}\n'));
        await repository.flush();
        await repository.saveSnapshot({ time: new Date().toISOString(), tree, paths: ['/'] });
      });
      const modesIn = async (of: string) => {
        const kinds = (await tree(of)).map(async (path) => {
          const { mode } = await stat(join(of, path));
          return `${path.replaceAll(/[0-9a-f]{2,64}/g, 'ID')} ${mode.toString(8)}`;
        });
        return [...new Set(await Promise.all(kinds))].toSorted();
      };
      expect(await modesIn(ours)).toEqual(await modesIn(theirs));
    },
  );

  test('a file that may not be read, and a file where a folder should be, are said as they are', async () => {
    await rm(join(root, 'index'), { recursive: true });
    await writeFile(join(root, 'index'), 'a file');
    expect(await codeOf(storage.list('index'))).toBe('storage-failed');
    const file = named('index', Buffer.from('x'));
    const error = await errorOf(storage.save(file, [Buffer.from('x')]));
    expect(error).toMatchObject({ code: 'storage-failed', facts: { reason: 'ENOTDIR' } });
    expect(error.message).toContain(`index/${file.name.slice(0, 8)}`);
  });

  test('URLs of local folders, as people and restic write them', async () => {
    for (const url of [`file:${root}`, `file://${root}`, `local:${root}`, root])
      expect((await openStorage(url)).url).toBe(`file:${root}`);
    expect((await openStorage('file:./backups')).url).toBe(`file:${join(process.cwd(), 'backups')}`);
    const error = await errorOf(openStorage('gopher:somewhere'));
    expect(error).toMatchObject({ code: 'usage' });
    expect(error.hint).toContain('file:');
  });
});

/** A file system of its own, small and thrown away afterwards. */
(isRoot ? describe : describe.skip)('a local folder on a disk of 4 MiB (needs root, to mount one)', () => {
  let root: string;
  let storage: LocalStorage;
  const random = seeded(66);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'relocate-small-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', root]);
    storage = new LocalStorage(root);
    await storage.initialise();
  });
  afterEach(async () => {
    execFileSync('umount', [root]);
    await rm(root, { recursive: true, force: true });
  });

  test.each([1, 3, 700])(
    'full in the middle of a file of %d parts: disk-full, and nothing of it is left',
    async (count) => {
      const small = random.bytes(100_000);
      await storage.save(named('pack', small), [small]);
      const parts = Array.from({ length: count }, () =>
        Buffer.alloc(Math.ceil((6 * 1024 * 1024) / count), random.bytes(4_099)),
      );
      const file = named('pack', Buffer.concat(parts));
      const error = await errorOf(storage.save(file, parts));
      expect(error.code).toBe('disk-full');
      expect(error.hint).toContain('sound');
      expect(await storage.list('pack')).toEqual([
        { name: named('pack', small).name, sizeBytes: small.length },
      ]);
      const again = Buffer.alloc(3 * 1024 * 1024, random.bytes(4_099));
      await storage.save(named('pack', again), [again]);
      expect((await storage.load(named('pack', again))).equals(again)).toBe(true);
    },
  );

  test('read-only: everything is readable, nothing can be written, and the error says why', async () => {
    const content = random.bytes(1000);
    const file = named('snapshot', content);
    await storage.save(file, [content]);
    execFileSync('mount', ['-o', 'remount,ro', root]);
    expect((await storage.load(file)).equals(content)).toBe(true);
    expect(await storage.list('snapshot')).toHaveLength(1);
    const refused = { code: 'storage-failed', facts: { reason: 'EROFS', denied: true } };
    expect(await errorOf(storage.save(named('lock', content), [content]))).toMatchObject(refused);
    expect(await errorOf(storage.remove(file))).toMatchObject(refused);
    expect(await storage.size(file)).toBe(1000);
  });
});

(isRoot ? test.skip : test)('a folder without write permission (needs another user than root)', async () => {
  const root = await mkdtemp(join(tmpdir(), 'relocate-read-only-'));
  const storage = new LocalStorage(root);
  await storage.initialise();
  await chmod(join(root, 'locks'), 0o500);
  const error = await errorOf(storage.save(named('lock', Buffer.from('x')), [Buffer.from('x')]));
  expect(error).toMatchObject({ code: 'storage-failed', facts: { reason: 'EACCES', denied: true } });
  await chmod(join(root, 'locks'), 0o700);
  await rm(root, { recursive: true, force: true });
});
