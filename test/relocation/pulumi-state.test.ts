import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clearLocks, recoverStack, stackFile } from '../../src/relocation/pulumi-state.ts';

let backend: string;
let locks: string;

beforeEach(async () => {
  backend = await mkdtemp(join(tmpdir(), 'relocate-locks-'));
  locks = join(backend, '.pulumi', 'locks', 'organization', 'relocate', 'blue');
  await mkdir(locks, { recursive: true });
});

afterEach(() => rm(backend, { recursive: true }));

async function writeLock(pid: number, host = hostname()): Promise<void> {
  await writeFile(join(locks, 'one.json'), JSON.stringify({ pid, hostname: host, username: 'me' }));
  await writeFile(join(locks, 'one.json.attrs'), '{"user.content_type":"text/plain"}');
}

test('the lock of a dead engine is removed, with its metadata', async () => {
  const child = spawn('/bin/true');
  await exitOf(child);
  await writeLock(child.pid!);
  await clearLocks(backend, 'blue', 0);
  expect(await readdir(locks)).toEqual([]);
});

test('a lock that was never written whole is removed', async () => {
  await writeFile(join(locks, 'one.json'), '');
  await clearLocks(backend, 'blue', 0);
  expect(await readdir(locks)).toEqual([]);
});

test('the lock of an engine that works stays', async () => {
  await writeLock(process.pid);
  await expect(clearLocks(backend, 'blue', 0)).rejects.toMatchObject({ code: 'deployment-busy' });
  expect(await readdir(locks)).toContain('one.json');
});

test('the lock of an engine that is about to end is waited for', async () => {
  const child = spawn('/bin/sleep', ['0.3']);
  const exited = exitOf(child);
  await writeLock(child.pid!);
  await clearLocks(backend, 'blue', 10_000);
  expect(await readdir(locks)).toEqual([]);
  await exited;
});

test('the lock of another machine stays, and the error names the file', async () => {
  await writeLock(1, 'elsewhere');
  await expect(clearLocks(backend, 'blue', 0)).rejects.toMatchObject({
    code: 'deployment-busy',
    hint: expect.stringContaining(join(locks, 'one.json')),
  });
});

test('a stack without locks needs nothing', async () => {
  await clearLocks(join(backend, 'nowhere'), 'blue', 0);
});

const whole = '{"version":3,"checkpoint":{"latest":{"resources":[]}}}';

async function writeCheckpoint(content: string, backup?: string): Promise<string> {
  const file = stackFile(backend, 'blue');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  if (backup !== undefined) await writeFile(`${file}.bak`, backup);
  return file;
}

test('a checkpoint that was cut off is replaced by the last whole one', async () => {
  for (const cut of ['', whole.slice(0, 20)]) {
    const file = await writeCheckpoint(cut, whole);
    await recoverStack(backend, 'blue');
    expect(await readFile(file, 'utf8')).toBe(whole);
  }
});

test('a whole checkpoint stays, whatever its backup says', async () => {
  const file = await writeCheckpoint(whole, '{"version":3,"checkpoint":{}}');
  await recoverStack(backend, 'blue');
  expect(await readFile(file, 'utf8')).toBe(whole);
});

test('a checkpoint without a whole backup is put aside, not removed', async () => {
  const file = await writeCheckpoint('{"cut', '');
  await recoverStack(backend, 'blue');
  expect(existsSync(file)).toBe(false);
  expect(await readFile(`${file}.damaged`, 'utf8')).toBe('{"cut');
});

function exitOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('exit', resolve));
}
