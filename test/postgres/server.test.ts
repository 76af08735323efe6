import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findPostgres } from '../../src/postgres/binaries.ts';
import { connect } from '../../src/postgres/connection.ts';
import { ensureDatabase } from '../../src/postgres/database.ts';
import {
  clusterFolder,
  initialiseCluster,
  serverCommand,
  waitUntilReady,
} from '../../src/postgres/server.ts';
import { withDatabase } from '../../src/postgres/url.ts';
import { freePort, hasPostgres, startPostgres, type TestServer } from '../support/postgres.ts';

const available = await hasPostgres();
const describePostgres = available ? describe : describe.skip;
// Otherwise its server is of the user who runs the tests, who reaches every folder of their own.
const testAsRoot = process.getuid?.() === 0 ? test : test.skip;

describePostgres('a server of our own', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('answers, with passwords by SCRAM and pages with checksums', async () => {
    await using connection = await connect(server.url);
    expect(await connection.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await connection.query('SHOW data_checksums')).toEqual([{ data_checksums: 'on' }]);
    const [secret] = await connection.query<{ rolpassword: string }>(
      'SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL',
    );
    expect(secret?.rolpassword).toMatch(/^SCRAM-SHA-256/);
  });

  test('listens on this machine alone', async () => {
    await using connection = await connect(server.url);
    expect(await connection.query('SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(await connection.query('SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
  });

  test('gets a database and its owner, under any names, again and again', async () => {
    const wanted = {
      adminUrl: server.url,
      database: `o"d'd \\ näme`,
      owner: 'An "owner"',
      password: `p'"\\ ☃`,
    };
    await ensureDatabase(wanted);
    await ensureDatabase(wanted);
    const url = new URL(withDatabase(server.url, wanted.database));
    url.username = encodeURIComponent(wanted.owner);
    url.password = encodeURIComponent(wanted.password);
    await using connection = await connect(url.href);
    await connection.execute('CREATE TABLE mine (a int)');
    await ensureDatabase({ ...wanted, password: 'another' });
    expect(await connection.query('SELECT * FROM mine')).toEqual([]);
    await expect(connect(url.href)).rejects.toMatchObject({ facts: { code: '28P01' } });
  });

  test('never has the role changed that we log in as', async () => {
    await ensureDatabase({ adminUrl: server.url, database: 'admins', owner: 'admin', password: 'not this' });
    await using connection = await connect(withDatabase(server.url, 'admins'));
    expect(await connection.query('SELECT current_user::text AS me')).toEqual([{ me: 'admin' }]);
  });
});

describePostgres('making a cluster', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'relocate-cluster-'));
    await chmod(folder, 0o755);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const make = async (dataFolder: string) =>
    initialiseCluster({
      binaries: await findPostgres({ tools: ['initdb', 'postgres'] }),
      dataFolder,
      superuser: 'admin',
      password: 'made for this test',
    });

  test('goes on after a run that was killed half-way, and leaves a whole one as it is', async () => {
    const wished = path.join(folder, 'cluster');
    await mkdir(`${wished}.new/data`, { recursive: true });
    await writeFile(`${wished}.new/password`, 'left behind');
    const { dataFolder } = await make(wished);
    expect(dataFolder).toBe(wished);
    await expect(stat(`${wished}.new`)).rejects.toMatchObject({ code: 'ENOENT' });
    const { mtimeMs } = await stat(path.join(wished, 'PG_VERSION'));
    await make(wished);
    expect((await stat(path.join(wished, 'PG_VERSION'))).mtimeMs).toBe(mtimeMs);
  });

  testAsRoot('goes where the server’s user can reach it when a folder above is closed to it', async () => {
    const closed = path.join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const wished = path.join(closed, 'deployment', 'postgres');
    const { dataFolder } = await make(wished);
    try {
      expect(dataFolder).not.toBe(wished);
      expect(await clusterFolder(wished)).toBe(dataFolder);
      expect((await stat(dataFolder)).uid).not.toBe(0);
    } finally {
      await rm(dataFolder, { recursive: true, force: true });
    }
  });

  test('that fails says why, and leaves nothing', async () => {
    const wished = path.join(folder, 'refused');
    const binaries = await findPostgres({ tools: ['initdb', 'postgres'] });
    const failing = initialiseCluster({
      binaries,
      dataFolder: wished,
      superuser: 'pg_reserved',
      password: 'x',
    });
    await expect(failing).rejects.toMatchObject({ code: 'provision-failed', hint: expect.any(String) });
    await expect(stat(wished)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a server that does not come up is told after the time given', async () => {
    const url = `postgres://admin:x@127.0.0.1:${await freePort()}/postgres`;
    await expect(waitUntilReady(url, { timeoutMs: 250 })).rejects.toMatchObject({ code: 'start-failed' });
  });

  test('the command to serve it holds no secret and keeps fsync', async () => {
    const binaries = await findPostgres({ tools: ['initdb', 'postgres'] });
    const { command } = await serverCommand({ binaries, dataFolder: '/data', port: 5555 });
    expect(command.slice(1, 3)).toEqual(['-D', '/data']);
    expect(command).toContain('listen_addresses=127.0.0.1');
    expect(command.join(' ')).not.toMatch(/password|fsync|full_page_writes/);
  });
});
