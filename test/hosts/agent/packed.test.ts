import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { packedArchive } from '../../../src/hosts/agent/packed.ts';

let folder: string;
let cache: string;
const former = process.env['XDG_CACHE_HOME'];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-packed-'));
  process.env['XDG_CACHE_HOME'] = folder;
  cache = join(folder, 'relocate', 'packed');
});
afterEach(async () => {
  if (former === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = former;
  await rm(folder, { recursive: true, force: true });
});

const files = (content: string) => [{ path: 'a/file', from: Buffer.from(content) }];
const contentOf = async (archive: () => Readable) =>
  execFileSync('tar', ['-xzOf', '-', 'a/file'], { input: await buffer(archive()), encoding: 'utf8' });

test('an archive is packed once, and read again and again', async () => {
  expect(await contentOf(await packedArchive('build-1', files('one')))).toBe('one');
  const again = await packedArchive('build-1', files('the name says that it is the same'));
  expect(await contentOf(again)).toBe('one');
  expect(await contentOf(again)).toBe('one');
  expect(await readdir(cache)).toEqual(['build-1.tar.gz']);
});

test('a cache that cannot be written costs time and nothing else', async () => {
  await writeFile(join(folder, 'relocate'), 'a file where the folder should be');
  expect(await contentOf(await packedArchive('build-1', files('one')))).toBe('one');
});

test('what a killed run left half-packed is not taken for an archive', async () => {
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, 'build-1.tar.gz.4711.new'), 'half');
  expect(await contentOf(await packedArchive('build-1', files('one')))).toBe('one');
});

test('archives of other versions go a month after they were last used', async () => {
  await packedArchive('build-1', files('one'));
  await packedArchive('build-2', files('two'));
  const longAgo = new Date(Date.now() - 31 * 86_400_000);
  await utimes(join(cache, 'build-1.tar.gz'), longAgo, longAgo);
  await packedArchive('build-3', files('three'));
  expect((await readdir(cache)).toSorted()).toEqual(['build-2.tar.gz', 'build-3.tar.gz']);
});

test('a file that cannot be read ends the archive with an error', async () => {
  const archive = await packedArchive('build-1', [{ path: 'a', from: join(folder, 'missing') }]);
  await expect(buffer(archive())).rejects.toThrow('ENOENT');
  expect(await readdir(cache)).toEqual([]);
});
