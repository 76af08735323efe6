import { randomBytes } from 'node:crypto';
import { describe } from '@jest/globals';
import { connect } from '../../../src/postgres/connection.ts';
import { ensureDatabase } from '../../../src/postgres/database.ts';
import { withDatabase } from '../../../src/postgres/url.ts';
import { sourceContract } from '../../contract/source.ts';
import { hasPostgres, startPostgres } from '../../support/postgres.ts';
import { makeRichDatabase } from '../../support/rich-database.ts';

const available = await hasPostgres();
(available ? describe : describe.skip)('on a machine with PostgreSQL', () => {
  sourceContract('postgres', async () => {
    const source = await startPostgres();
    const target = await startPostgres();
    const url = await makeRichDatabase(source.url);
    return {
      kind: 'postgres',
      options: { url },
      killAfterMs: [30, 150, 400],
      emptyOptions: { url: source.url },
      missingOptions: { url: withDatabase(source.url, 'not there') },
      async newDestination() {
        const database = `Back ${randomBytes(4).toString('hex')} "ünd" = so`;
        const user = `user_${randomBytes(4).toString('hex')}`;
        await ensureDatabase({ adminUrl: target.url, database, owner: user, password: 'påss word' });
        const appUrl = new URL(withDatabase(target.url, database));
        appUrl.username = user;
        appUrl.password = 'påss word';
        return { kind: 'postgres', url: appUrl.href, adminUrl: target.url };
      },
      async damage(destination) {
        if (destination.kind !== 'postgres') throw new Error('not a database');
        await using connection = await connect(destination.url);
        await connection.execute('UPDATE chicken SET egg_id = 2 WHERE id = 1');
      },
      async cleanUp() {
        await source.stop();
        await target.stop();
      },
    };
  });
});
