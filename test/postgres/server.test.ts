import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '../../src/postgres/connection.ts';
import { startPostgres, type TestServer } from '../support/postgres.ts';

describe('a server of our own', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('answers, with passwords by SCRAM and pages with checksums', async () => {
    await using connection = await connect(server.url);
    const [row] = await connection.query<{ one: number }>('SELECT 1 AS one');
    expect(row).toEqual({ one: 1 });
    expect(await connection.query('SHOW data_checksums')).toEqual([{ data_checksums: 'on' }]);
    const [secret] = await connection.query<{ rolpassword: string }>(
      'SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL',
    );
    expect(secret?.rolpassword).toMatch(/^SCRAM-SHA-256/);
  });
});
