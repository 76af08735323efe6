import type { Connection } from './connection.ts';
import { dollarQuote, quoteIdentifier, quoteLiteral } from './quoting.ts';

/** The roles that a database needs, as a script. */
export interface RolesScript {
  sql: string;
  /** False: we may not read passwords, so roles that log in come back without one. */
  withPasswords: boolean;
  /** Names of those that can log in. */
  logins: string[];
}

interface Role {
  name: string;
  attributes: string;
  canLogin: boolean;
  connectionLimit: number;
  validUntil: string | null;
  password: string | null;
  comment: string | null;
  settings: string[] | null;
}

interface Membership {
  role: string;
  member: string;
  options: string;
}

/**
 * Writes the roles that the connected database needs: owners and grantees of anything in it, the one who asks, the
 * groups they are in, and members of the roles that it names. pg_dumpall would bring those of every other database of
 * the server along, and needs a superuser. The script may be run on a server that has some of the roles already: those
 * it leaves as they are, passwords and all.
 */
export async function describeRoles(connection: Connection, majorVersion: number): Promise<RolesScript> {
  const [access] = await connection.query<{ allowed: boolean }>(
    `SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS allowed`,
  );
  const withPasswords = access?.allowed ?? false;
  const roles = await connection.query<Role & Record<string, unknown>>(
    `${neededRoles} ${selectRoles(withPasswords)}`,
  );
  const memberships = await connection.query<Membership & Record<string, unknown>>(
    `${neededRoles} ${selectMemberships(majorVersion)}`,
  );
  const header = [
    '-- Roles of one database, written by relocate. Roles that are there already are left as they are.',
    ...(withPasswords ? [] : ['-- Without passwords: the user that took this may not read them.']),
  ];
  const sql = [...header, ...roles.map(createRole), ...memberships.map(grantMembership)].join('\n');
  return {
    sql: `${sql}\n`,
    withPasswords,
    logins: roles.filter(({ canLogin }) => canLogin).map(({ name }) => name),
  };
}

function createRole(role: Role): string {
  const name = quoteIdentifier(role.name);
  const options = [
    role.attributes,
    `CONNECTION LIMIT ${role.connectionLimit}`,
    ...(role.validUntil === null ? [] : [`VALID UNTIL ${quoteLiteral(role.validUntil)}`]),
    ...(role.password === null ? [] : [`PASSWORD ${quoteLiteral(role.password)}`]),
  ];
  const statements = [
    `CREATE ROLE ${name} WITH ${options.join(' ')};`,
    ...(role.settings ?? []).map((setting) => `ALTER ROLE ${name} SET ${settingClause(setting)};`),
    ...(role.comment === null ? [] : [`COMMENT ON ROLE ${name} IS ${quoteLiteral(role.comment)};`]),
  ];
  const block = `BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${quoteLiteral(role.name)}) THEN
    ${statements.join('\n    ')}
  END IF;
END`;
  return `DO ${dollarQuote(block)};`;
}

function grantMembership({ role, member, options }: Membership): string {
  // Also between roles that were there before: a grant only adds. A circle would be one that the server has the other way round.
  return `GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(member)}${options};`;
}

/** Settings whose value is a list and is stored quoted already: GUC_LIST_QUOTE in PostgreSQL's source. */
const listSettings = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/** Pure: "name=value" of pg_db_role_setting as what stands after SET. */
export function settingClause(setting: string): string {
  const split = setting.indexOf('=');
  const name = setting.slice(0, split);
  const value = setting.slice(split + 1);
  const quotedName = name.split('.').map(quoteIdentifier).join('.');
  if (!listSettings.has(name.toLowerCase())) return `${quotedName} TO ${quoteLiteral(value)}`;
  const items = [...value.matchAll(/"((?:[^"]|"")*)"|[^\s,]+/g)].map(([whole, quoted]) =>
    quoteLiteral(quoted?.replaceAll('""', '"') ?? whole),
  );
  return `${quotedName} TO ${items.length === 0 ? "''" : items.join(', ')}`;
}

/** The superuser of oid 10 owns what initdb made, and pg_shdepend does not speak of it. */
const neededRoles = `
  WITH RECURSIVE here AS (SELECT oid, datdba FROM pg_database WHERE datname = current_database()),
  named (oid) AS (
    SELECT d.refobjid FROM pg_shdepend d, here
     WHERE d.refclassid = 'pg_authid'::regclass
       AND (d.dbid = here.oid OR (d.classid = 'pg_database'::regclass AND d.objid = here.oid))
    UNION SELECT datdba FROM here
    UNION SELECT setrole FROM pg_db_role_setting, here WHERE setdatabase = here.oid AND setrole <> 0
    UNION SELECT r.oid FROM pg_roles r WHERE r.rolname = session_user
    UNION SELECT 10::oid
  ),
  needed (oid) AS (
    SELECT oid FROM named
    UNION SELECT m.member FROM pg_auth_members m JOIN named ON m.roleid = named.oid
    UNION SELECT m.roleid FROM needed n JOIN pg_auth_members m ON m.member = n.oid
  )`;

const flag = (column: string, word: string): string =>
  `CASE WHEN r.${column} THEN '${word}' ELSE 'NO${word}' END`;

function selectRoles(withPasswords: boolean): string {
  const attributes = [
    flag('rolsuper', 'SUPERUSER'),
    flag('rolinherit', 'INHERIT'),
    flag('rolcreaterole', 'CREATEROLE'),
    flag('rolcreatedb', 'CREATEDB'),
    flag('rolcanlogin', 'LOGIN'),
    flag('rolreplication', 'REPLICATION'),
    flag('rolbypassrls', 'BYPASSRLS'),
  ];
  const password = withPasswords ? '(SELECT a.rolpassword FROM pg_authid a WHERE a.oid = r.oid)' : 'NULL';
  return `
    SELECT r.rolname AS name, concat_ws(' ', ${attributes.join(', ')}) AS attributes, r.rolcanlogin AS "canLogin",
           r.rolconnlimit AS "connectionLimit", r.rolvaliduntil::text AS "validUntil", ${password} AS password,
           shobj_description(r.oid, 'pg_authid') AS comment,
           (SELECT setconfig FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0) AS settings
      FROM pg_roles r JOIN needed ON needed.oid = r.oid
     WHERE r.rolname !~ '^pg_' ORDER BY r.rolname`;
}

/** From version 16 on, a membership says of itself whether it inherits and lets SET ROLE. */
function selectMemberships(majorVersion: number): string {
  const options =
    majorVersion >= 16
      ? `format(' WITH ADMIN %s, INHERIT %s, SET %s', bool_or(m.admin_option)::text, bool_or(m.inherit_option)::text, bool_or(m.set_option)::text)`
      : `CASE WHEN bool_or(m.admin_option) THEN ' WITH ADMIN OPTION' ELSE '' END`;
  return `
    SELECT g.rolname AS role, u.rolname AS member, ${options} AS options
      FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
     WHERE m.member IN (SELECT oid FROM needed) AND m.roleid IN (SELECT oid FROM needed) AND u.rolname !~ '^pg_'
     GROUP BY g.rolname, u.rolname ORDER BY 1, 2`;
}
