import type { ErrorCode } from '../errors.ts';
import { connect, type Connection } from './connection.ts';

/**
 * A moment of the database held fast: every session opened through it sees the same rows, whatever others write.
 * It lasts until `close`.
 */
export interface PinnedMoment extends AsyncDisposable {
  /** For `pg_dump --snapshot`. */
  readonly snapshotId: string;
  /** The session that holds the moment. */
  readonly connection: Connection;
  /** e.g. 15 */
  readonly majorVersion: number;
  /** e.g. "15.18" */
  readonly version: string;
  /** Another session that sees the same moment. The caller closes it. */
  openReader(): Promise<Connection>;
  close(): Promise<void>;
}

/** How values are written as text depends on these; digests must not. Nor may a time limit end a long read. */
const readerSettings = {
  search_path: '',
  bytea_output: 'hex',
  xmlbinary: 'base64',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  lc_monetary: 'C',
  extra_float_digits: '3',
  // A policy must not hide rows from us: better an error, as pg_dump does.
  row_security: 'off',
  statement_timeout: '0',
  lock_timeout: '60000',
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0',
};

/** Throws as `connect` does. See https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION */
export async function pinMoment(
  url: string,
  options: { failure?: ErrorCode; signal?: AbortSignal },
): Promise<PinnedMoment> {
  const connection = await openReading(url, options);
  try {
    const [row] = await connection.query<{ id: string; number: number; version: string }>(
      `SELECT pg_catalog.pg_export_snapshot() AS id,
              current_setting('server_version_num')::int AS number,
              split_part(current_setting('server_version'), ' ', 1) AS version`,
    );
    const { id, number, version } = row ?? { id: '', number: 0, version: '' };
    const close = (): Promise<void> => connection.close();
    return {
      snapshotId: id,
      connection,
      majorVersion: Math.floor(number / 10_000),
      version,
      openReader: () => openReading(url, options, id),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function openReading(
  url: string,
  options: { failure?: ErrorCode; signal?: AbortSignal },
  snapshotId?: string,
): Promise<Connection> {
  const connection = await connect(url, options);
  try {
    for (const [name, value] of Object.entries(readerSettings)) {
      // Older servers do not have all of them.
      await connection.query(
        'SELECT pg_catalog.set_config(name, $2, false) FROM pg_catalog.pg_settings WHERE name = $1',
        [name, value],
      );
    }
    await connection.execute('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // The server made this name of hex digits and dashes; SET TRANSACTION takes no parameters.
    if (snapshotId !== undefined) await connection.execute(`SET TRANSACTION SNAPSHOT '${snapshotId}'`);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
