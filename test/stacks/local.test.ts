import { describe, expect, test } from '@jest/globals';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { targetOf, targets } from '../../stacks/index.ts';
import { local } from '../../stacks/local.ts';
import type { DeployRequest, Finding } from '../../stacks/target.ts';

describe('the list of targets', () => {
  test('finds each by its name, and says which there are for any other', () => {
    for (const target of targets) expect(targetOf(target.name)).toBe(target);
    expect(() => targetOf('hetzer')).toThrow(
      expect.objectContaining({ code: 'usage', hint: expect.stringContaining('local') }),
    );
  });
});

describe('options', () => {
  test.each([[undefined], [null], [true], [{}]])('%j means the defaults', (given) => {
    expect(local.options.parse(given)).toEqual({ portRange: { from: 20_000, to: 29_999 } });
  });

  test.each([
    [false],
    ['yes'],
    [{ unknown: 1 }],
    [{ folder: 'relative' }],
    [{ portRange: { from: 9000, to: 8000 } }],
    [{ portRange: { from: 80, to: 90 } }],
    [{ postgres: { server: 'http://127.0.0.1' } }],
  ])('%j is refused', (given) => {
    expect(local.options.safeParse(given).success).toBe(false);
  });

  test('a folder is a place for one folder a deployment', () => {
    expect(local.folderFor?.(local.options.parse({ folder: '/srv' }), 'blue')).toBe('/srv/blue');
    expect(local.folderFor?.(local.options.parse({}), 'blue')).toBeUndefined();
  });
});

describe('preflight', () => {
  const request: DeployRequest = {
    app: 'guestbook',
    deployment: 'blue',
    folder: join(tmpdir(), 'relocate-preflight', 'nowhere', 'blue'),
    services: { kind: 'procfile', names: ['web'] },
    databases: [],
    sizeBytes: 1000,
  };
  const look = (more: Partial<DeployRequest>, options: unknown = {}) =>
    local.preflight(local.options.parse(options), { ...request, ...more });
  const levels = (findings: Finding[]) =>
    Object.fromEntries(findings.map(({ code, level }) => [code, level]));

  test('makes nothing', async () => {
    const root = await mkdtemp(join(tmpdir(), 'relocate-preflight-'));
    const findings = await look({ folder: join(root, 'a', 'b') });
    expect(levels(findings)).toEqual({ 'folder-writable': 'ok', 'disk-room': 'ok' });
    expect(await readdir(root)).toEqual([]);
    await rm(root, { recursive: true });
  });

  test('refuses what does not fit on the disk', async () => {
    expect(levels(await look({ sizeBytes: 1e18 }))).toMatchObject({ 'disk-room': 'refused' });
  });

  test('refuses a folder that cannot be written to', async () => {
    expect(levels(await look({ folder: '/proc/1/blue' }))).toMatchObject({ 'folder-writable': 'refused' });
  });

  test('refuses a PostgreSQL that is newer than any here, unless a server is named', async () => {
    const databases = [{ name: 'db', kind: 'postgres', majorVersion: 99, sizeBytes: 1 }];
    const refused = (await look({ databases })).find(({ code }) => code === 'postgres');
    expect(refused).toMatchObject({ level: 'refused', hint: expect.stringContaining('99') });
    const named = { postgres: { server: 'postgres://admin@127.0.0.1:5432/postgres' } };
    expect(levels(await look({ databases }, named))).not.toHaveProperty('postgres');
  });

  test('refuses a Compose file where no Docker engine answers', async () => {
    const before = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    const findings = await look({ services: { kind: 'compose', names: ['web'] } });
    process.env['PATH'] = before;
    expect(findings.find(({ code }) => code === 'compose')).toMatchObject({
      level: 'refused',
      message: expect.stringContaining('no docker'),
    });
  });
});
