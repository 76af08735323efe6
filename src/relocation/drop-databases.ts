import { connect } from '../postgres/connection.ts';
import { quoteIdentifier } from '../postgres/quoting.ts';
import { ownName } from './databases.ts';

/**
 * Removes a deployment's database and user from a server that others use as well. Their names are the deployment's own,
 * so nothing of anybody else is met. Ones that are gone are no error. Throws `provision-failed`.
 */
export async function dropDatabase(
  adminUrl: string,
  deployment: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const own = quoteIdentifier(ownName(deployment, name));
  await using admin = await connect(adminUrl, { failure: 'provision-failed', signal });
  const [server] = await admin.query<{ number: number }>(
    `SELECT current_setting('server_version_num')::int AS number`,
  );
  // Services were stopped before; what is left are sessions that nobody reads from any more.
  const force = (server?.number ?? 0) >= 130_000 ? ' WITH (FORCE)' : '';
  await admin.execute(`DROP DATABASE IF EXISTS ${own}${force}`);
  await admin.execute(`DROP ROLE IF EXISTS ${own}`);
}
