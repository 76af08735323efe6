import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RelocateError } from '../errors.ts';
import type { Destination, RestoreContext, SavedSource } from '../sources/source.ts';
import { findPostgres, type PostgresBinaries } from './binaries.ts';
import { connect, type Connection } from './connection.ts';
import { connectBeside, recreateDatabase } from './database.ts';
import { files, readDetails, type DatabaseDetails } from './details.ts';
import { countBytes } from './progress.ts';
import { connectionText, quoteIdentifier } from './quoting.ts';
import { settingClause } from './roles.ts';
import { runTool } from './tools.ts';
import { parseUrl, withDatabase } from './url.ts';

type PostgresDestination = Extract<Destination, { kind: 'postgres' }>;

/** Roles and settings are small; a larger file was not written by a capture. */
const maxScriptBytes = 64 * 1024 * 1024;

/**
 * Brings a database back: roles, an empty database like the old one, its content with `context.parallel` jobs, its
 * settings, and fresh statistics. Whatever an earlier try left in that database goes first. The role that
 * `destination.url` names comes to everything that the app's role could, whatever its name.
 */
export async function restoreDatabase(
  saved: SavedSource,
  destination: PostgresDestination,
  context: RestoreContext,
): Promise<void> {
  const details = readDetails(saved.details);
  const { database, user } = parseUrl(destination.url);
  const inside = withDatabase(destination.adminUrl, database);
  await using admin = await connectBeside(destination.adminUrl, database, context.signal);
  const binaries = await findPostgres({
    atLeastMajor: details.pgDumpMajor,
    tools: ['pg_restore', 'vacuumdb'],
    folder: destination.binaries,
  });
  await refuseUnfit(admin, details);
  const dump = path.join(context.scratch, files.dump);
  try {
    // pg_restore works on a file that it can seek in; only then can several jobs read it.
    const content = countBytes(context.saved.read(files.dump), {
      phase: 'restore',
      item: context.name,
      totalBytes: saved.sizeBytes,
      emit: context.emit,
    });
    await pipeline(content, createWriteStream(dump, { mode: 0o600 }), { signal: context.signal });
    await restoreRoles(admin, await readScript(context, files.roles), details, user, context);
    await makeDatabase(admin, destination, details, context);
    const tools = { binaries, inside, context };
    context.emit({ type: 'detail', message: `${context.name}: loading with ${context.parallel} jobs` });
    await runRestore(tools, dump);
    await finishDatabase(inside, await readScript(context, files.settings), details, user, context);
    context.emit({ type: 'detail', message: `${context.name}: gathering statistics for the planner` });
    await analyse(tools);
  } finally {
    await rm(dump, { force: true });
  }
}

async function refuseUnfit(admin: Connection, details: DatabaseDetails): Promise<void> {
  const [server] = await admin.query<{ number: number; version: string }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version`,
  );
  const major = Math.floor((server?.number ?? 0) / 10_000);
  if (major < details.majorVersion) {
    throw new RelocateError(
      'version-mismatch',
      `The database was captured from PostgreSQL ${details.majorVersion}; the server to restore to is ${server?.version}.`,
      {
        facts: { captured: details.majorVersion, server: server?.version },
        hint: `Nothing was changed. Give it a server of version ${details.majorVersion} or newer.`,
      },
    );
  }
  const available = await admin.query<{ name: string }>('SELECT name FROM pg_available_extensions');
  const names = new Set(available.map(({ name }) => name));
  const missing = details.extensions.map(({ name }) => name).filter((name) => !names.has(name));
  if (missing.length === 0) return;
  throw new RelocateError(
    'restore-failed',
    `The server lacks extensions that the database uses: ${missing.join(', ')}.`,
    {
      facts: { extensions: missing.join(', '), server: server?.version },
      hint: `Nothing was changed. Install them on the server (Debian: postgresql-contrib, or postgresql-${major}-NAME), then go on.`,
    },
  );
}

/** Roles that are there stay as they are, but for the one that the app connects as. */
async function restoreRoles(
  admin: Connection,
  sql: string,
  details: DatabaseDetails,
  user: string,
  context: RestoreContext,
): Promise<void> {
  // The script holds password hashes, which the server would write to its log if a statement failed.
  const quiet = `SELECT set_config('log_min_error_statement', 'panic', true), set_config('log_statement', 'none', true)
                  WHERE (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`;
  await admin.execute('BEGIN');
  try {
    await admin.execute(quiet);
    await admin.execute(sql);
    await giveRights(details, user, admin, context);
    await admin.execute('COMMIT');
  } catch (error) {
    await admin.execute('ROLLBACK').catch(() => {});
    throw error;
  }
}

/**
 * The app's role is there already, made with nothing but a password. It gets the attributes that it had. If it has
 * another name than before, it comes to all that the old one owned and was allowed by being a member of that.
 */
async function giveRights(
  { user: former, attributes }: DatabaseDetails,
  user: string,
  admin: Connection,
  { name, emit }: RestoreContext,
): Promise<void> {
  const [me] = await admin.query<{ name: string }>('SELECT session_user::text AS name');
  if (me?.name === user) return;
  if (user !== former) await admin.execute(`GRANT ${quoteIdentifier(former)} TO ${quoteIdentifier(user)}`);
  if (attributes.length === 0) return;
  await admin.execute(`ALTER ROLE ${quoteIdentifier(user)} WITH ${attributes.join(' ')}`);
  if (!attributes.includes('SUPERUSER')) return;
  const message = `The app was a superuser of its database server (${former}), so ${user} is one here.`;
  emit({ type: 'warning', code: 'superuser', item: name, message });
}

async function makeDatabase(
  admin: Connection,
  destination: PostgresDestination,
  details: DatabaseDetails,
  { name, emit, signal }: RestoreContext,
): Promise<void> {
  const { database, user } = parseUrl(destination.url);
  const { encoding, collate, ctype, icuLocale } = details;
  const wished = { encoding, collate, ctype, icuLocale };
  const owner = details.owner === details.user ? user : details.owner;
  const got = await recreateDatabase(admin, destination.adminUrl, { database, owner, shape: wished, signal });
  if (got.collate === wished.collate && got.ctype === wished.ctype && got.icuLocale === wished.icuLocale)
    return;
  emit({
    type: 'warning',
    code: 'collation-changed',
    item: name,
    message: `The server does not know the locale ${icuLocale ?? collate}: text sorts by ${got.icuLocale ?? got.collate} instead.`,
  });
}

interface Tools {
  binaries: PostgresBinaries;
  /** The administrator, in the restored database. */
  inside: string;
  context: RestoreContext;
}

async function runRestore({ binaries, inside, context }: Tools, dump: string): Promise<void> {
  await runTool({
    binaries,
    tool: 'pg_restore',
    args: [
      `--dbname=${connectionText(parseUrl(inside).database)}`,
      `--jobs=${context.parallel}`,
      '--exit-on-error',
      '--no-tablespaces',
      '--no-password',
      dump,
    ],
    url: inside,
    // Not waiting for the disk at each commit is safe: a crash means that all is restored again, and the commits that
    // follow do wait, for these too.
    settings: { synchronous_commit: 'off' },
    failure: 'restore-failed',
    emit: context.emit,
    signal: context.signal,
  });
}

/** Sequences as they were at the pinned moment (pg_dump reads them a little later), then the database's settings. */
async function finishDatabase(
  inside: string,
  settings: string,
  details: DatabaseDetails,
  user: string,
  { signal }: RestoreContext,
): Promise<void> {
  await using connection = await connect(inside, { failure: 'restore-failed', signal });
  for (const { name, lastValue, isCalled } of details.sequences) {
    await connection.query('SELECT pg_catalog.setval($1::text::regclass, $2::bigint, $3::boolean)', [
      name,
      lastValue,
      isCalled,
    ]);
  }
  await connection.execute(settings);
  if (user !== details.user) await copyRoleSettings(connection, details.user, user);
}

/** Settings of a role are not inherited by its members. */
async function copyRoleSettings(connection: Connection, from: string, to: string): Promise<void> {
  const settings = await connection.query<{ setting: string; database: string }>(
    `SELECT unnest(s.setconfig) AS setting, d.datname AS database
       FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase
      WHERE r.rolname = $1 AND d.datname = current_database()`,
    [from],
  );
  for (const { setting, database } of settings) {
    await connection.execute(
      `ALTER ROLE ${quoteIdentifier(to)} IN DATABASE ${quoteIdentifier(database)} SET ${settingClause(setting)}`,
    );
  }
}

/** Without statistics the first queries of the app that is back would be planned blindly. */
async function analyse({ binaries, inside, context }: Tools): Promise<void> {
  await runTool({
    binaries,
    tool: 'vacuumdb',
    args: [
      `--dbname=${connectionText(parseUrl(inside).database)}`,
      '--analyze-only',
      `--jobs=${context.parallel}`,
      '--no-password',
      '--quiet',
    ],
    url: inside,
    failure: 'restore-failed',
    emit: context.emit,
    signal: context.signal,
  });
}

async function readScript({ saved }: RestoreContext, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of saved.read(name)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxScriptBytes) {
      throw new RelocateError('snapshot-hostile', `${name} is too large to be what a capture writes.`, {
        facts: { maxBytes: maxScriptBytes },
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
