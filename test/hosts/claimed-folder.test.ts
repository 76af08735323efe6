import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimFolder, ownerOf, removeFolder } from '../../src/hosts/claimed-folder.ts';

let root: string;
let folder: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'relocate-folder-'));
  folder = join(root, 'a', 'b');
});

afterEach(() => rm(root, { recursive: true }));

test('a folder is made, found again with what it holds, and removed', async () => {
  await claimFolder(folder, 'blue');
  await mkdir(join(folder, 'data'));
  await claimFolder(folder, 'blue');
  expect(await ownerOf(folder)).toBe('blue');
  expect(await readdir(folder)).toContain('data');
  await removeFolder(folder, 'blue');
  await removeFolder(folder, 'blue');
  expect(existsSync(folder)).toBe(false);
});

test('a folder that holds a stranger’s files is neither taken nor removed', async () => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'precious'), 'x');
  await expect(claimFolder(folder, 'blue')).rejects.toMatchObject({ code: 'provision-failed' });
  await removeFolder(folder, 'blue');
  expect(await readFile(join(folder, 'precious'), 'utf8')).toBe('x');
});

test('another deployment’s folder is neither taken nor removed', async () => {
  await claimFolder(folder, 'green');
  await expect(claimFolder(folder, 'blue')).rejects.toMatchObject({ facts: { owner: 'green' } });
  await removeFolder(folder, 'blue');
  expect(await ownerOf(folder)).toBe('green');
});

test('a claim that was killed before it was marked is taken up', async () => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, '.relocate-deployment.draft'), 'bl');
  await claimFolder(folder, 'blue');
  expect(await ownerOf(folder)).toBe('blue');
});
