import { RelocateError } from '../errors.ts';
import type { Captured, CaptureSlot, PreparedCapture, SourceContext } from '../sources/source.ts';
import { findPostgres, type PostgresBinaries } from './binaries.ts';
import { listTables, readSequences, type Table } from './catalog.ts';
import type { Connection } from './connection.ts';
import { readShape } from './database.ts';
import { files, type DatabaseDetails } from './details.ts';
import { takeFingerprint } from './fingerprint.ts';
import { countBytes } from './progress.ts';
import { connectionText, quoteShell } from './quoting.ts';
import { describeRoles } from './roles.ts';
import { pinMoment, type PinnedMoment } from './session.ts';
import { describeDatabase } from './settings.ts';
import { streamTool } from './tools.ts';

export interface CaptureOptions {
  url: string;
  /** Sessions that read rows for the fingerprint while pg_dump runs. */
  jobs: number;
}

/** All that is needed of the database beside its dump, as it was at the pinned moment. */
interface Facts {
  moment: PinnedMoment;
  binaries: PostgresBinaries;
  tables: Table[];
  details: DatabaseDetails;
  roles: string;
  settings: string;
}

/**
 * Pins the moment and holds every table against being emptied or dropped until pg_dump has locked them itself: TRUNCATE
 * would look, even from a pinned moment, as if the table had been empty.
 */
export async function prepareCapture(
  options: CaptureOptions,
  context: SourceContext,
): Promise<PreparedCapture> {
  const moment = await pinMoment(options.url, { signal: context.signal });
  try {
    const binaries = await findPostgres({ atLeastMajor: moment.majorVersion, tools: ['pg_dump'] });
    const facts = await readFacts(moment, binaries, context);
    return {
      capture: (slot) => capture(options, facts, slot, context),
      release: () => moment.close(),
    };
  } catch (error) {
    await moment.close();
    throw error;
  }
}

async function readFacts(
  moment: PinnedMoment,
  binaries: PostgresBinaries,
  context: SourceContext,
): Promise<Facts> {
  const { connection, majorVersion } = moment;
  // Sequences stand outside of transactions: read right after the moment, they are past every row that it holds.
  const sequences = await readSequences(connection);
  const tables = await listTables(connection);
  await lockTables(moment, tables);
  const roles = await describeRoles(connection, majorVersion);
  if (!roles.withPasswords && roles.logins.length > 1) {
    context.emit({
      type: 'warning',
      code: 'roles-without-passwords',
      item: context.name,
      message: `Passwords of database roles can be captured by a superuser only; these will come back without one: ${roles.logins.join(', ')}.`,
    });
  }
  const database = await readIdentity(connection);
  const extensions = await connection.query<{ name: string; version: string }>(
    'SELECT extname AS name, extversion AS version FROM pg_extension ORDER BY 1',
  );
  return {
    moment,
    binaries,
    tables,
    roles: roles.sql,
    settings: await describeDatabase(connection),
    details: {
      ...database,
      majorVersion,
      pgDumpMajor: binaries.major,
      ...(await readShape(connection, majorVersion)),
      extensions,
      tables: tables.length,
      sequences,
      digests: majorVersion >= 11,
    },
  };
}

async function readIdentity(
  connection: Connection,
): Promise<Pick<DatabaseDetails, 'database' | 'user' | 'owner' | 'attributes' | 'sizeBytes'>> {
  const [row] = await connection.query<
    Pick<DatabaseDetails, 'database' | 'user' | 'owner' | 'attributes'> & { size: string }
  >(
    `SELECT d.datname AS database, r.rolname AS user, pg_get_userbyid(d.datdba) AS owner,
            pg_database_size(d.oid)::text AS size,
            array_remove(ARRAY[
              CASE WHEN r.rolsuper THEN 'SUPERUSER' END, CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
              CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END, CASE WHEN r.rolbypassrls THEN 'BYPASSRLS' END,
              CASE WHEN r.rolreplication THEN 'REPLICATION' END, CASE WHEN NOT r.rolinherit THEN 'NOINHERIT' END
            ], NULL) AS attributes
       FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = session_user`,
  );
  if (row === undefined) throw new RelocateError('internal', 'The connected database is not in pg_database.');
  const { size, ...identity } = row;
  return { ...identity, sizeBytes: Number(size) };
}

async function lockTables({ connection }: PinnedMoment, tables: readonly Table[]): Promise<void> {
  for (let start = 0; start < tables.length; start += 500) {
    const names = tables.slice(start, start + 500).map(({ name }) => `ONLY ${name}`);
    await connection.execute(`LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE`);
  }
}

async function capture(
  options: CaptureOptions,
  facts: Facts,
  slot: CaptureSlot,
  context: SourceContext,
): Promise<Captured> {
  const failed = new AbortController();
  const inner = { ...context, signal: AbortSignal.any([context.signal, failed.signal]) };
  const abortOthers = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  // Both are waited for, whatever happens: neither may still read when the caller goes on.
  const [dumped, read] = await Promise.allSettled([
    abortOthers(saveFiles(options, facts, slot, inner)),
    abortOthers(readContent(options, facts, inner)),
  ]);
  context.signal.throwIfAborted();
  failed.signal.throwIfAborted();
  if (dumped.status === 'rejected') throw dumped.reason;
  if (read.status === 'rejected') throw read.reason;
  return {
    sizeBytes: dumped.value,
    items: read.value.rows + read.value.largeObjects,
    fingerprint: read.value.fingerprint,
    tools: { pg_dump: facts.binaries.version, server: facts.moment.version },
    details: facts.details,
    problems: [],
  };
}

/** @returns bytes of the dump */
async function saveFiles(
  options: CaptureOptions,
  { moment, binaries, roles, settings }: Facts,
  slot: CaptureSlot,
  { name, emit, signal }: SourceContext,
): Promise<number> {
  await slot.addFile(files.roles, oneChunk(roles));
  await slot.addFile(files.settings, oneChunk(settings));
  const dump = streamTool({
    binaries,
    tool: 'pg_dump',
    // Not compressed, so that what did not change since the last snapshot is found again and stored once.
    args: [
      '--format=custom',
      '--compress=0',
      `--snapshot=${moment.snapshotId}`,
      '--no-password',
      '--lock-wait-timeout=60s',
    ],
    url: options.url,
    failure: 'source-failed',
    emit,
    signal,
  });
  const { sizeBytes } = await slot.addFile(
    files.dump,
    countBytes(dump, { phase: 'capture', item: name, emit }),
  );
  return sizeBytes;
}

async function readContent(options: CaptureOptions, facts: Facts, { name, emit, signal }: SourceContext) {
  const totalItems = facts.tables.length;
  return takeFingerprint(facts.moment, {
    tables: facts.tables,
    sequences: facts.details.sequences,
    jobs: options.jobs,
    digests: facts.details.digests,
    signal,
    onTable: (table, doneTables) => {
      emit({ type: 'detail', message: `${name}: read ${table} (${doneTables} of ${totalItems} tables)` });
    },
  });
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array, void, void> {
  yield Buffer.from(text);
}

/** For the README of a snapshot: what a person types, in the restored folder of this source. */
export function restoreByHand(folder: string, { database, owner, encoding }: DatabaseDetails): string[] {
  const inside = quoteShell(connectionText(database));
  const from = (file: string): string => quoteShell(`${folder}/${file}`);
  return [
    `psql -v ON_ERROR_STOP=1 -d postgres -f ${from(files.roles)}`,
    `createdb -T template0 -E ${encoding} -O ${quoteShell(owner)} ${quoteShell(database)}`,
    `pg_restore -d ${inside} --exit-on-error --jobs=2 ${from(files.dump)}`,
    `psql -v ON_ERROR_STOP=1 -d ${inside} -f ${from(files.settings)}`,
  ];
}
