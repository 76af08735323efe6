import { execFile } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';

const mebibyte = 2 ** 20;

describe('a repository made to take all memory, or for ever', () => {
  let work: string;
  let folder: string;
  beforeEach(async () => {
    work = await mkdtemp(join(tmpdir(), 'relocate-bomb-'));
    folder = join(work, 'repository');
  });
  afterEach(() => rm(work, { recursive: true, force: true }));

  async function make(save: (repository: Repository) => Promise<string>): Promise<void> {
    const repository = await createRepository(new LocalStorage(folder), 'pw');
    const tree = await save(repository);
    await repository.flush();
    await repository.saveSnapshot({ time: new Date().toISOString(), tree, paths: ['/'] });
    await repository.close();
  }

  interface Told {
    said: string;
    tookMs: number;
    moreMib: number;
  }

  async function read(way: 'check' | 'restore'): Promise<Told> {
    const child = fileURLToPath(new URL('../support/hostile-child.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--no-warnings', child, folder, join(work, 'target'), way],
      { env: { ...process.env, NODE_OPTIONS: '' }, timeout: 200_000, maxBuffer: 64 * mebibyte },
    );
    const told = JSON.parse(stdout) as Told;
    if (process.env['RELOCATE_TEST_SHOW'] !== undefined) process.stderr.write(`${way} ${stdout}`);
    expect(told.said).not.toContain('unclear');
    return told;
  }

  const time = '2026-01-01T00:00:00Z';
  const node = (name: string, type: string, rest: string) =>
    `{"name":"${name}","type":"${type}","mtime":"${time}","atime":"${time}","ctime":"${time}","uid":0,"gid":0,${rest}}`;
  const treeOf = (...nodes: string[]) => Buffer.from(`{"nodes":[${nodes.join(',')}]}\n`);

  test.each(['check', 'restore'] as const)(
    'a folder of sixty million empty lists: %s refuses it',
    async (way) => {
      const json = Buffer.alloc(240 * mebibyte, '[],');
      json.write('{"nodes":[', 0);
      json.write('0]}\n', json.length - 4);
      await make((repository) => repository.saveTree(json));
      const { said, moreMib } = await read(way);
      expect(said).toContain('more values than any folder');
      expect(moreMib).toBeLessThan(1_000);
    },
    240_000,
  );

  test('a file of blobs that unpack to 128 MiB each: in memory there are few of them at once', async () => {
    await make(async (repository) => {
      const content: string[] = [];
      for (let at = 0; at < 6; at += 1)
        content.push(await repository.saveBlob('data', Buffer.alloc(128 * mebibyte, at + 1)));
      const size = 6 * 128 * mebibyte;
      return repository.saveTree(
        treeOf(node('big', 'file', `"size":${size},"content":${JSON.stringify(content)}`)),
      );
    });
    const { said, moreMib } = await read('restore');
    expect(said).toBe('');
    expect(moreMib).toBeLessThan(1_000);
  }, 240_000);

  test('folders that hold the same folder twice, fifty deep: check looks at each once', async () => {
    await make(async (repository) => {
      let tree = await repository.saveTree(treeOf());
      for (let depth = 0; depth < 50; depth += 1)
        tree = await repository.saveTree(
          treeOf(
            node('a', 'dir', `"content":null,"subtree":"${tree}"`),
            node('b', 'dir', `"content":null,"subtree":"${tree}"`),
          ),
        );
      return tree;
    });
    const { said, tookMs } = await read('check');
    expect(said).toBe('');
    expect(tookMs).toBeLessThan(100_000);
  }, 240_000);

  test.each([
    ['snapshots', 'snapshot'],
    ['index', 'index'],
    ['keys', 'Key'],
    ['data/99', 'Pack'],
  ])(
    'a file of 20 GiB among the %s: named, and not read',
    async (place, named) => {
      await make((repository) => repository.saveTree(treeOf()));
      const path = join(folder, place, '99'.repeat(32));
      await writeFile(path, '');
      await truncate(path, 20 * 1024 * mebibyte);
      const { said, moreMib, tookMs } = await read('check');
      // A pack that nothing names costs room, which is no error.
      expect(said).toContain(named === 'Pack' ? '' : named);
      expect(moreMib).toBeLessThan(150);
      expect(tookMs).toBeLessThan(60_000);
    },
    240_000,
  );
});
