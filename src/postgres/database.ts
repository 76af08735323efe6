import { RelocateError } from '../errors.ts';
import { ofExtension, ownSchema } from './catalog.ts';
import { codeOf, connect, type Connection } from './connection.ts';
import { quoteIdentifier, quoteLiteral } from './quoting.ts';
import { scramVerifier } from './scram.ts';
import { ownSetting } from './settings.ts';
import { parseUrl, withDatabase } from './url.ts';

/**
 * Makes a database and the role that owns it; what is there already stays, but for the role's password, which is set to
 * the one given. The role that `adminUrl` itself logs in with is never changed. Throws `provision-failed`.
 */
export async function ensureDatabase(options: {
  /** Of a user that may make roles and databases. */
  adminUrl: string;
  database: string;
  owner: string;
  password: string;
  signal?: AbortSignal;
}): Promise<void> {
  await using admin = await connect(options.adminUrl, {
    failure: 'provision-failed',
    signal: options.signal,
  });
  await ensureRole(admin, parseUrl(options.adminUrl).user, options.owner, options.password);
  const found = await admin.query('SELECT FROM pg_database WHERE datname = $1', [options.database]);
  if (found.length > 0) return;
  await ignoring(['42P04', '23505'], () =>
    admin.execute(
      `CREATE DATABASE ${quoteIdentifier(options.database)} OWNER ${quoteIdentifier(options.owner)} TEMPLATE template0`,
    ),
  );
}

async function ensureRole(
  admin: Connection,
  adminUser: string,
  owner: string,
  password: string,
): Promise<void> {
  if (owner === adminUser) return;
  const name = quoteIdentifier(owner);
  const found = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [owner]);
  // Somebody else may make it at the same moment.
  if (found.length === 0) await ignoring(['42710', '23505'], () => admin.execute(`CREATE ROLE ${name}`));
  await admin.execute(`ALTER ROLE ${name} WITH LOGIN PASSWORD ${quoteLiteral(scramVerifier(password))}`);
  // Who makes a database for another role must be able to become it; superusers can.
  const [me] = await admin.query<{ super: boolean }>(
    'SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user',
  );
  if (me?.super !== true) await admin.execute(`GRANT ${name} TO CURRENT_USER`);
}

async function ignoring(codes: readonly string[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!codes.includes(codeOf(error) ?? '')) throw error;
  }
}

/** How a database was made: what cannot be changed later. */
export interface DatabaseShape {
  encoding: string;
  collate: string;
  ctype: string;
  /** ICU locale, where the database sorts by ICU. */
  icuLocale?: string | undefined;
}

export async function readShape(connection: Connection, majorVersion: number): Promise<DatabaseShape> {
  const icuColumn = majorVersion >= 17 ? 'datlocale' : 'daticulocale';
  const icu = majorVersion >= 15 ? `CASE WHEN datlocprovider = 'i' THEN ${icuColumn} END` : 'NULL::text';
  const [row] = await connection.query<{
    encoding: string;
    collate: string;
    ctype: string;
    icu: string | null;
  }>(
    `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype, ${icu} AS icu
       FROM pg_database WHERE datname = current_database()`,
  );
  const { encoding = 'UTF8', collate = 'C', ctype = 'C', icu: icuLocale } = row ?? {};
  return { encoding, collate, ctype, icuLocale: icuLocale ?? undefined };
}

/** A session of the administrator in another database than the one named, which it may then drop. */
export async function connectBeside(
  adminUrl: string,
  database: string,
  signal: AbortSignal,
): Promise<Connection> {
  const beside = parseUrl(adminUrl).database === database ? withDatabase(adminUrl, 'postgres') : adminUrl;
  return connect(beside, { failure: 'restore-failed', signal });
}

/**
 * Makes the destination's database anew, empty, marked as one that relocate restores into. One that holds anything and
 * has no such mark is somebody's, and is refused with `restore-failed`. Returns the shape it could be given: sorting
 * rules that this server does not have are replaced.
 */
export async function recreateDatabase(
  admin: Connection,
  adminUrl: string,
  target: { database: string; owner: string; shape: DatabaseShape; signal: AbortSignal },
): Promise<DatabaseShape> {
  const name = quoteIdentifier(target.database);
  await refuseStrangers(admin, adminUrl, target.database, target.signal);
  const [server] = await admin.query<{ number: number }>(
    `SELECT current_setting('server_version_num')::int AS number`,
  );
  // Whatever a killed restore left running in it must not go on writing.
  const force = (server?.number ?? 0) >= 130_000 ? ' WITH (FORCE)' : '';
  await admin.execute(`DROP DATABASE IF EXISTS ${name}${force}`);
  const shape = await createShaped(admin, name, target.shape);
  await admin.execute(`ALTER DATABASE ${name} SET ${ownSetting} TO 'yes'`);
  await admin.execute(`ALTER DATABASE ${name} OWNER TO ${quoteIdentifier(target.owner)}`);
  return shape;
}

async function refuseStrangers(
  admin: Connection,
  adminUrl: string,
  database: string,
  signal: AbortSignal,
): Promise<void> {
  const [found] = await admin.query<{ marked: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_db_role_setting s
                     WHERE s.setdatabase = d.oid AND s.setrole = 0 AND $2 = ANY (s.setconfig)) AS marked
       FROM pg_database d WHERE d.datname = $1`,
    [database, `${ownSetting}=yes`],
  );
  if (found === undefined || found.marked) return;
  await using inside = await connect(withDatabase(adminUrl, database), { failure: 'restore-failed', signal });
  const [content] = await inside.query<{ things: string }>(
    `SELECT ((SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE ${ownSchema('n')} AND NOT ${ofExtension('pg_class', 'c.oid')})
           + (SELECT count(*) FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
               WHERE ${ownSchema('n')} AND NOT ${ofExtension('pg_proc', 'f.oid')})
           + (SELECT count(*) FROM pg_largeobject_metadata))::text AS things`,
  );
  if (content?.things === '0') return;
  throw new RelocateError(
    'restore-failed',
    `The database ${database} is not empty, and relocate did not make it.`,
    {
      facts: { database, objects: content?.things },
      hint: 'Nothing was changed. Restore into another database, or drop this one yourself.',
    },
  );
}

async function createShaped(admin: Connection, name: string, wished: DatabaseShape): Promise<DatabaseShape> {
  const { encoding } = wished;
  const shapes: DatabaseShape[] = [
    wished,
    { encoding, collate: 'C.UTF-8', ctype: 'C.UTF-8', icuLocale: wished.icuLocale },
    { encoding, collate: 'C.UTF-8', ctype: 'C.UTF-8' },
  ];
  for (const shape of encoding === 'UTF8' ? shapes : [wished]) {
    try {
      await admin.execute(createStatement(name, shape));
      return shape;
    } catch (error) {
      // 42809: no such locale here; 22023: no such ICU locale; 0A000: built without ICU.
      if (!['42809', '22023', '0A000', '42704'].includes(codeOf(error) ?? '')) throw error;
    }
  }
  const last = { encoding, collate: 'C', ctype: 'C' };
  await admin.execute(createStatement(name, last));
  return last;
}

function createStatement(name: string, { encoding, collate, ctype, icuLocale }: DatabaseShape): string {
  const icu = icuLocale === undefined ? '' : ` LOCALE_PROVIDER icu ICU_LOCALE ${quoteLiteral(icuLocale)}`;
  return (
    `CREATE DATABASE ${name} TEMPLATE template0 ENCODING ${quoteLiteral(encoding)} ` +
    `LC_COLLATE ${quoteLiteral(collate)} LC_CTYPE ${quoteLiteral(ctype)}${icu}`
  );
}
