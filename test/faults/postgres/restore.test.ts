import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { findPostgres } from '../../../src/postgres/binaries.ts';
import { connect } from '../../../src/postgres/connection.ts';
import { ensureDatabase } from '../../../src/postgres/database.ts';
import { toolEnvironment, withDatabase } from '../../../src/postgres/url.ts';
import { postgres } from '../../../src/sources/postgres.ts';
import type { Destination } from '../../../src/sources/source.ts';
import { hasPostgres, startPostgres, type TestServer } from '../../support/postgres.ts';
import { makeRichDatabase } from '../../support/rich-database.ts';
import { sourceRun, type CapturedFolder, type SourceRun } from '../../support/source-run.ts';

// Skipped visibly on a machine without PostgreSQL's server programs.
const describePostgres = (await hasPostgres()) ? describe : describe.skip;

describePostgres('restoring to PostgreSQL', () => {
  let source: TestServer;
  let target: TestServer;
  let folder: string;
  let run: SourceRun;
  let captured: CapturedFolder;
  beforeAll(async () => {
    [source, target] = await Promise.all([startPostgres(), startPostgres()]);
    folder = await mkdtemp(path.join(tmpdir(), 'relocate-restore-'));
    const url = new URL(await makeRichDatabase(source.url));
    await using server = await connect(source.url);
    // Of the app's own role, but with the passwords of all roles, which takes a superuser.
    await server.execute('GRANT SELECT ON pg_authid TO "App Owner"');
    await using inside = await connect(url.href);
    await inside.execute('GRANT SELECT ON pg_authid TO "App Owner"');
    url.username = encodeURIComponent('App Owner');
    url.password = 'source-only';
    run = sourceRun('postgres', folder);
    captured = await run.capture({ url: url.href });
  });
  afterAll(async () => {
    await source.stop();
    await target.stop();
    await rm(folder, { recursive: true, force: true });
  });

  type PostgresDestination = Extract<Destination, { kind: 'postgres' }>;

  async function newDestination(database: string, owner: string): Promise<PostgresDestination> {
    await ensureDatabase({ adminUrl: target.url, database, owner, password: 'new-password' });
    const url = new URL(withDatabase(target.url, database));
    url.username = encodeURIComponent(owner);
    url.password = 'new-password';
    return { kind: 'postgres', url: url.href, adminUrl: target.url };
  }

  const withDetails = (changes: Record<string, unknown>): CapturedFolder => ({
    ...captured,
    saved: { ...captured.saved, details: { ...captured.saved.details, ...changes } },
  });

  describe.each([
    ['of the old name', 'App Owner'],
    ['of another name', 'newcomer'],
  ])('to the app’s role %s', (_title, owner) => {
    let destination: PostgresDestination;
    beforeAll(async () => {
      destination = await newDestination(`back for ${owner}`, owner);
      await run.restore(captured, destination);
    });

    test('all is back, and reads and writes as it did', async () => {
      expect(await run.factsOf(captured, destination)).toEqual(captured.saved.fingerprint.facts);
      await using app = await connect(destination.url);
      const [row] = await app.query<{ id: string }>(
        `INSERT INTO "Sales Übersicht"."Order ""Lines""" ("the row") VALUES ('new') RETURNING "Id"::text AS id`,
      );
      expect(Number(row?.id)).toBeGreaterThan(1000 + 7 * 2999);
      await app.execute('ALTER TABLE chicken ADD COLUMN colour text; DROP VIEW happy CASCADE');
      await app.execute('CREATE TABLE fresh (a int); CREATE SCHEMA another');
      await expect(app.execute('INSERT INTO egg VALUES (5000, 5000)')).rejects.toMatchObject({
        facts: { code: '23503' },
      });
      // Own rows are not hidden from their owner by policies.
      expect(await app.query('SELECT * FROM secrets')).toHaveLength(2);
    });

    test('its settings and attributes are those it had', async () => {
      await using app = await connect(destination.url);
      expect(await app.query('SHOW work_mem')).toEqual([{ work_mem: '9MB' }]);
      expect(await app.query('SHOW search_path')).toEqual([{ search_path: 'public, "Sales Übersicht"' }]);
      expect(await app.query(`SELECT current_setting('app.secret_key') AS key`)).toEqual([
        { key: 'source-only' },
      ]);
      const [role] = await app.query(
        `SELECT rolcreatedb, rolsuper FROM pg_roles WHERE rolname = current_user`,
      );
      expect(role).toEqual({ rolcreatedb: true, rolsuper: false });
    });

    test('others have the rights they had, and no more', async () => {
      const bob = new URL(destination.url);
      bob.username = 'bob';
      bob.password = 'source-only';
      await using connection = await connect(bob.href);
      expect(await connection.query('SELECT text FROM secrets')).toEqual([{ text: 'for bob' }]);
      expect(await connection.query('SHOW work_mem')).toEqual([{ work_mem: '7MB' }]);
      await expect(connection.query('SELECT * FROM public.chicken')).rejects.toMatchObject({
        facts: { code: '42501' },
      });
      await using admin = await connect(target.url);
      expect(await admin.query(`SELECT FROM pg_roles WHERE rolname = 'stranger'`)).toEqual([]);
      const [database] = await admin.query(
        `SELECT shobj_description(oid, 'pg_database') AS comment, has_database_privilege('pg_monitor', oid, 'CONNECT') AS open
         FROM pg_database WHERE datname = $1`,
        [`back for ${owner}`],
      );
      expect(database).toEqual({ comment: 'its comment: 100% "kept"', open: false });
    });
  });

  describe('a restore that must not happen', () => {
    test('into a database that holds something relocate did not put there', async () => {
      const destination = await newDestination('somebodys', 'somebody');
      await using owner = await connect(destination.url);
      await owner.execute(`CREATE SCHEMA own; CREATE TABLE own.precious AS SELECT 1 AS a`);
      await expect(run.restore(captured, destination)).rejects.toMatchObject({
        code: 'restore-failed',
        message: expect.stringContaining('not empty'),
      });
      expect(await owner.query('SELECT a FROM own.precious')).toEqual([{ a: 1 }]);
    });

    test('into an older server', async () => {
      const destination = await newDestination('old', 'somebody');
      await expect(run.restore(withDetails({ majorVersion: 98 }), destination)).rejects.toMatchObject({
        code: 'version-mismatch',
        hint: expect.stringContaining('98 or newer'),
      });
    });

    test('into a server without an extension, which is named', async () => {
      const destination = await newDestination('bare', 'somebody');
      const extensions = [{ name: 'postgis', version: '3.3' }];
      await expect(run.restore(withDetails({ extensions }), destination)).rejects.toMatchObject({
        code: 'restore-failed',
        message: expect.stringContaining('postgis'),
      });
    });

    test('with a pg_restore older than the pg_dump was', async () => {
      const destination = await newDestination('tools', 'somebody');
      await expect(run.restore(withDetails({ pgDumpMajor: 98 }), destination)).rejects.toMatchObject({
        code: 'version-mismatch',
      });
    });
  });

  test('a dump that was cut off fails the restore, and leaves no file behind', async () => {
    const destination = await newDestination('torn', 'somebody');
    const torn = await mkdtemp(path.join(folder, 'torn-'));
    for (const name of await readdir(captured.folder)) {
      await copyFile(path.join(captured.folder, name), path.join(torn, name));
    }
    await truncate(path.join(torn, 'database.pgdump'), 100_000);
    await expect(run.restore({ ...captured, folder: torn }, destination)).rejects.toMatchObject({
      code: 'restore-failed',
      message: expect.stringContaining('pg_restore failed'),
    });
    expect(await readdir(path.join(folder, 'scratch'))).toEqual([]);
    // Only ours was in it, so the next try may begin anew.
    await run.restore(captured, destination);
    expect(await run.factsOf(captured, destination)).toEqual(captured.saved.fingerprint.facts);
  });

  test('a locale that the server lacks is replaced, and said', async () => {
    const destination = await newDestination('moved', 'somebody');
    await run.restore(withDetails({ collate: 'xx_XX.utf8', ctype: 'xx_XX.utf8' }), destination);
    expect(run.events).toContainEqual(
      expect.objectContaining({ type: 'warning', code: 'collation-changed' }),
    );
  });

  test('a role that is there already keeps its password', async () => {
    await using admin = await connect(target.url);
    const passwordOf = () => admin.query(`SELECT rolpassword FROM pg_authid WHERE rolname = 'bob'`);
    await admin.execute(`ALTER ROLE bob PASSWORD 'another'`);
    const before = await passwordOf();
    await run.restore(captured, await newDestination('kept', 'somebody'));
    expect(await passwordOf()).toEqual(before);
  });

  test('a database for a superuser app makes a superuser again, and says so', async () => {
    const url = withDatabase(source.url, 'Odd "name" = dbname');
    const ofSuperuser = await run.capture({ url });
    const destination = await newDestination('super', 'promoted');
    await run.restore(ofSuperuser, destination);
    expect(run.events).toContainEqual(expect.objectContaining({ type: 'warning', code: 'superuser' }));
    await using app = await connect(destination.url);
    expect(await app.query('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).toEqual([
      { rolsuper: true },
    ]);
  });

  test('the commands of the snapshot’s README bring it back without relocate', async () => {
    const { folder: from, saved } = captured;
    const commands = postgres.byHand?.({ ...saved, path: from }) ?? [];
    const binaries = await findPostgres({ tools: ['psql', 'pg_restore'] });
    const environment = toolEnvironment(target.url);
    for (const command of commands) {
      await promisify(execFile)('/bin/sh', ['-c', command], {
        cwd: '/',
        env: { ...environment, PATH: `${binaries.folder}:${process.env['PATH']}` },
      });
    }
    const back = withDatabase(target.url, 'Odd "name" = dbname');
    const byHand = await run.capture({ url: back });
    const { facts } = byHand.saved.fingerprint;
    expect(facts).toEqual(saved.fingerprint.facts);
  });
});
