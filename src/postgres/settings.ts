import type { Connection } from './connection.ts';
import { dollarQuote, quoteIdentifier, quoteLiteral } from './quoting.ts';
import { settingClause } from './roles.ts';

/** Settings of this name are relocate's own notes on a database (see database.ts); they don't travel. */
export const ownSetting = 'relocate.restored';

/**
 * What belongs to the connected database and is in no dump of it, as a script to run in the database that comes back,
 * whatever its name is there: settings, settings of roles in it, comment, and who may connect. The settings that the
 * app's role has everywhere become settings in this database: roles.sql leaves a role alone that is there already. May
 * hold secrets: apps keep keys in settings.
 */
export async function describeDatabase(connection: Connection): Promise<string> {
  const settings = await connection.query<{ role: string | null; setting: string }>(
    `SELECT r.rolname AS role, unnest(s.setconfig) AS setting
       FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
      WHERE (d.datname = current_database() AND (s.setrole = 0 OR r.oid IS NOT NULL))
         OR (s.setdatabase = 0 AND r.rolname = session_user)
      ORDER BY 1 NULLS FIRST, s.setdatabase, 2`,
  );
  const [comment] = await connection.query<{ text: string | null }>(
    `SELECT shobj_description(oid, 'pg_database') AS text FROM pg_database WHERE datname = current_database()`,
  );
  const grants = await connection.query<{ grantee: string | null; privilege: string; option: string }>(
    `SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END AS grantee,
            a.privilege_type AS privilege, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
       FROM pg_database d, aclexplode(d.datacl) a
      WHERE d.datname = current_database() AND a.grantee <> d.datdba ORDER BY 1 NULLS FIRST, 2`,
  );
  const [acl] = await connection.query<{ changed: boolean }>(
    'SELECT datacl IS NOT NULL AS changed FROM pg_database WHERE datname = current_database()',
  );
  const statements = [
    ...settings
      .filter(({ setting }) => !setting.startsWith(`${ownSetting}=`))
      .map(({ role, setting }) =>
        role === null
          ? inThisDatabase('ALTER DATABASE %1$I', ` SET ${settingClause(setting)}`)
          : inThisDatabase(
              `ALTER ROLE ${escapeFormat(quoteIdentifier(role))} IN DATABASE %1$I`,
              ` SET ${settingClause(setting)}`,
            ),
      ),
    ...(comment?.text == null
      ? []
      : [inThisDatabase('COMMENT ON DATABASE %1$I', ` IS ${quoteLiteral(comment.text)}`)]),
    ...(acl?.changed === true ? [inThisDatabase('REVOKE ALL ON DATABASE %1$I', ' FROM PUBLIC')] : []),
    ...grants.map(({ grantee, privilege, option }) =>
      inThisDatabase(
        `GRANT ${privilege} ON DATABASE %1$I`,
        ` TO ${grantee === null ? 'PUBLIC' : quoteIdentifier(grantee)}${option}`,
      ),
    ),
  ];
  return [
    '-- What belongs to the database itself, written by relocate: run it in the restored one.',
    ...statements,
    '',
  ].join('\n');
}

/** These statements take a database's name and no parameter; the name is filled in where the script runs. */
function inThisDatabase(before: string, after: string): string {
  const template = quoteLiteral(before + escapeFormat(after));
  return `DO ${dollarQuote(`BEGIN EXECUTE format(${template}, current_database()); END`)};`;
}

const escapeFormat = (sql: string): string => sql.replaceAll('%', '%%');
