import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { relocate } from '../support/cli.ts';
import { freePort, hasPostgres, startPostgres, type TestServer } from '../support/postgres.ts';

const suite = (await hasPostgres()) ? describe : describe.skip;

suite('`relocate snapshot` of a Postgres (needs PostgreSQL)', () => {
  let folder: string;
  let server: TestServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-refused-'));
    server = await startPostgres();
    await mkdir(join(folder, 'app'));
    await mkdir(join(folder, 'bin'));
    await writeFile(
      join(folder, 'app', 'relocate.yaml'),
      `app: shop\ndata: { db: { postgres: { url: "\${DATABASE_URL}" } } }\nrepositories: [ "file:${folder}/repository" ]\n`,
    );
    const made = await relocate(['init', '--repository'], {
      cwd: join(folder, 'app'),
      env: urlOf(server.url),
    });
    expect(made).toMatchObject({ exitCode: 0 });
    await writeFile(join(folder, 'bin', 'pg_dump'), '#!/bin/sh\necho "pg_dump (PostgreSQL) 12.9"\n');
    await chmod(join(folder, 'bin', 'pg_dump'), 0o755);
  }, 60_000);

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const urlOf = (url: string) => ({ DATABASE_URL: url });
  const withPassword = (url: string) => url.replace(/:[^:@/]*@/, ':not-the-password@');

  test.each([
    [
      'that is down',
      async () => urlOf(`postgres://ann:not-the-password@127.0.0.1:${await freePort()}/shop`),
      /does not answer|refused|ECONNREFUSED/,
    ],
    ['that refuses the password', async () => urlOf(withPassword(server.url)), /password/],
    [
      'that is newer than pg_dump',
      async () => ({ ...urlOf(server.url), RELOCATE_POSTGRES_BIN: join(folder, 'bin') }),
      /Install PostgreSQL \d+ or newer/,
    ],
  ])(
    '%s says so once with the next step, exits with 1, and stores no snapshot',
    async (_, environment, said) => {
      const cwd = join(folder, 'app');
      const env = await environment();
      const { exitCode, stdout, stderr } = await relocate(['snapshot'], { cwd, env });
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(said);
      expect(stderr.match(/^✖ /gm)).toHaveLength(1);
      expect(stderr).toMatch(/^→ /m);
      expect(stdout + stderr).not.toContain('not-the-password');
      const listed = await relocate(['snapshots', '--json'], { cwd, env });
      expect(listed.stdout).toContain('"snapshots":[]');
    },
  );
});
