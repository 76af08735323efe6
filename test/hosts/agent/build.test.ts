import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createWriteStream } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ownBuild } from '../../../src/hosts/agent/build.ts';
import { tarOf } from '../../../src/hosts/agent/tar.ts';

test('tar unpacks what was packed: long names, modes, empty files, sizes on both sides of a block', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-tar-'));
  try {
    await writeFile(join(folder, 'on-disk'), 'from disk');
    const long = `${'deep/'.repeat(30)}${'ü'.repeat(40)}`;
    const files = [
      { path: 'program', from: join(folder, 'on-disk'), executable: true },
      { path: long, from: Buffer.from('long') },
      ...[0, 1, 511, 512, 513].map((size) => ({ path: `size/${size}`, from: Buffer.alloc(size, 1) })),
    ];
    await pipeline(tarOf(files), createWriteStream(join(folder, 'packed.tar')));
    execFileSync('tar', ['-xf', join(folder, 'packed.tar'), '-C', folder]);
    expect(await readFile(join(folder, 'program'), 'utf8')).toBe('from disk');
    expect((await stat(join(folder, 'program'))).mode & 0o111).toBe(0o111);
    expect(await readFile(join(folder, long), 'utf8')).toBe('long');
    for (const size of [0, 1, 511, 512, 513]) {
      expect((await stat(join(folder, 'size', String(size)))).size).toBe(size);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the build for a host has what an agent loads, once for all times, and no cloud in it', async () => {
  const build = await ownBuild('linux', 'x64');
  const paths = build.files.map(({ path }) => path);
  expect(paths).toContain(build.program);
  expect(paths).toContain('node_modules/pg/lib/index.js');
  expect(
    paths.filter((path) => /node_modules.*pulumi|@aws-sdk|@azure|google-auth-library|\.map$/.test(path)),
  ).toEqual([]);
  const sizes = await Promise.all(build.files.map(async ({ from }) => (await stat(String(from))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(25_000_000);
  expect((await ownBuild('linux', 'x64')).digest).toBe(build.digest);
});
