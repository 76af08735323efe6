import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { findPostgres } from '../../../src/postgres/binaries.ts';
import { connect } from '../../../src/postgres/connection.ts';
import { withDatabase } from '../../../src/postgres/url.ts';
import { freePort, hasPostgres, startPostgres, type TestServer } from '../../support/postgres.ts';
import { makeRichDatabase } from '../../support/rich-database.ts';
import { sourceRun } from '../../support/source-run.ts';

// Skipped visibly on a machine without PostgreSQL's server programs.
const describePostgres = (await hasPostgres()) ? describe : describe.skip;

describePostgres('capturing from PostgreSQL', () => {
  let server: TestServer;
  let folder: string;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
    folder = await mkdtemp(path.join(tmpdir(), 'relocate-capture-'));
    url = await makeRichDatabase(server.url);
    await using admin = await connect(server.url);
    await admin.execute('CREATE DATABASE shop');
    await using shop = await connect(withDatabase(server.url, 'shop'));
    await shop.execute(
      'CREATE TABLE orders (id serial PRIMARY KEY); INSERT INTO orders SELECT FROM generate_series(1, 50)',
    );
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const shopUrl = (): string => withDatabase(server.url, 'shop');
  const capture = (options: unknown) => sourceRun('postgres', folder).capture(options);

  describe('a server that cannot be captured from', () => {
    test('one that is down', async () => {
      const port = await freePort();
      await expect(capture({ url: `postgres://ann:topsecret@127.0.0.1:${port}/d` })).rejects.toMatchObject({
        code: 'source-failed',
        message: `No PostgreSQL server answers at 127.0.0.1:${port}.`,
        hint: expect.stringContaining('Start it'),
      });
    });

    test('one that refuses the password, which no message repeats', async () => {
      const wrong = new URL(server.url);
      wrong.password = 'topsecret';
      const error: unknown = await capture({ url: wrong.href }).catch((error: unknown) => error);
      expect(error).toMatchObject({ code: 'source-failed', facts: { code: '28P01' } });
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('topsecret');
    });

    test('one whose tables may not all be read', async () => {
      await using admin = await connect(shopUrl());
      await admin.execute(`CREATE ROLE clerk LOGIN PASSWORD 'clerk'`);
      const clerk = new URL(shopUrl());
      clerk.username = 'clerk';
      clerk.password = 'clerk';
      await expect(capture({ url: clerk.href })).rejects.toMatchObject({
        code: 'source-failed',
        facts: { code: '42501' },
      });
    });
  });

  describe('a pg_dump that', () => {
    afterEach(() => {
      delete process.env['RELOCATE_POSTGRES_BIN'];
    });

    /** A pg_dump of our own making; "$REAL" in it is the real one. */
    async function fakeDump(script: string): Promise<void> {
      const real = await findPostgres({ tools: ['pg_dump'] });
      const bin = await mkdtemp(path.join(folder, 'bin-'));
      await mkdir(bin, { recursive: true });
      const program = path.join(bin, 'pg_dump');
      await writeFile(program, `#!/bin/sh\nREAL=${path.join(real.folder, 'pg_dump')}\n${script}\n`);
      await chmod(program, 0o755);
      process.env['RELOCATE_POSTGRES_BIN'] = bin;
    }

    const honest = `[ "$1" = --version ] && exec "$REAL" --version`;

    test('is older than the server is refused before anything is read, with what to install', async () => {
      await fakeDump(`echo "pg_dump (PostgreSQL) 13.2"`);
      await expect(sourceRun('postgres', folder).prepare({ url: shopUrl() })).rejects.toMatchObject({
        code: 'version-mismatch',
        hint: expect.stringMatching(/Install PostgreSQL \d+ or newer/),
      });
    });

    test('is missing is named', async () => {
      process.env['RELOCATE_POSTGRES_BIN'] = folder;
      await expect(sourceRun('postgres', folder).prepare({ url: shopUrl() })).rejects.toMatchObject({
        code: 'tool-missing',
        message: expect.stringContaining('pg_dump'),
      });
    });

    test('dies half-way is no dump', async () => {
      await fakeDump(`${honest}\n"$REAL" "$@" | head -c 2000; exit 1`);
      await expect(capture({ url: shopUrl() })).rejects.toMatchObject({
        code: 'source-failed',
        facts: { exit: 1 },
      });
    });

    test('is killed is no dump', async () => {
      await fakeDump(`${honest}\nprintf PGDMP; kill -9 $$`);
      await expect(capture({ url: shopUrl() })).rejects.toMatchObject({
        code: 'source-failed',
        facts: { exit: 'SIGKILL' },
      });
    });

    test('speaks of an error and yet ends well is not believed', async () => {
      await fakeDump(`${honest}\necho "pg_dump: error: half of it is missing" >&2; "$REAL" "$@"`);
      await expect(capture({ url: shopUrl() })).rejects.toMatchObject({
        code: 'source-failed',
        message: expect.stringContaining('half of it is missing'),
      });
    });

    test('works is given no password in its arguments', async () => {
      await fakeDump(`${honest}\necho "$@" > ${folder}/arguments; exec "$REAL" "$@"`);
      await capture({ url: shopUrl() });
      const said = await readFile(path.join(folder, 'arguments'), 'utf8');
      expect(said).toContain('--format=custom');
      expect(said).not.toContain(decodeURIComponent(new URL(server.url).password));
    });
  });

  describe('a database in use', () => {
    test('is captured as it was at the pinned moment, rows and sequences', async () => {
      const run = sourceRun('postgres', folder);
      const prepared = await run.prepare({ url: shopUrl() });
      await using writer = await connect(shopUrl());
      await writer.execute('INSERT INTO orders DEFAULT VALUES; DELETE FROM orders WHERE id < 10');
      const { saved } = await run.captureFrom(prepared);
      expect(saved.items).toBe(50);
      expect(saved.fingerprint.facts).toMatchObject({
        'table public.orders: rows': 50,
        'sequence public.orders_id_seq: value': '50',
      });
    });

    test('cannot empty a table behind the pinned moment’s back', async () => {
      const run = sourceRun('postgres', folder);
      const prepared = await run.prepare({ url: shopUrl() });
      await using writer = await connect(shopUrl());
      await writer.execute(`SET lock_timeout = '200ms'`);
      await expect(writer.execute('TRUNCATE orders')).rejects.toMatchObject({ facts: { code: '55P03' } });
      await prepared.release();
      await expect(writer.execute('BEGIN; TRUNCATE orders; ROLLBACK')).resolves.toBeUndefined();
    });

    test('that ends our sessions fails the capture', async () => {
      const run = sourceRun('postgres', folder);
      const prepared = await run.prepare({ url: shopUrl() });
      await using admin = await connect(server.url);
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()`,
      );
      await expect(run.captureFrom(prepared)).rejects.toMatchObject({ code: 'source-failed' });
    });
  });

  describe('what a user who is no superuser captures', () => {
    test('is the whole database, with a warning about the passwords of roles', async () => {
      const run = sourceRun('postgres', folder);
      const owner = new URL(url);
      owner.username = encodeURIComponent('App Owner');
      owner.password = 'source-only';
      const theirs = await run.capture({ url: owner.href });
      expect(run.events).toContainEqual(expect.objectContaining({ code: 'roles-without-passwords' }));
      const ours = await sourceRun('postgres', folder).capture({ url });
      expect(theirs.saved.fingerprint.facts).toEqual(ours.saved.fingerprint.facts);
    });

    test('roles of other databases are left alone', async () => {
      const captured = await sourceRun('postgres', folder).capture({ url });
      const roles = await readFile(path.join(captured.folder, 'roles.sql'), 'utf8');
      expect(roles).toContain('"read""only"');
      expect(roles).toContain('"bob"');
      expect(roles).toMatch(/PASSWORD 'SCRAM-SHA-256/);
      expect(roles).not.toContain('stranger');
    });
  });
});
