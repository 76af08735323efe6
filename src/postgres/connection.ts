import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientConfig, QueryResultRow } from 'pg';
import { RelocateError, systemCodeOf, type ErrorCode } from '../errors.ts';
import { parseUrl, redactUrl, type Address } from './url.ts';

/** One session of a server. Every error of it is a RelocateError that holds no password. */
export interface Connection extends AsyncDisposable {
  /** The rows of one statement. */
  query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs any number of statements, in one transaction if they open none themselves. */
  execute(sql: string): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  /** What a failure is called: at capture a source failed, at restore the restore. */
  failure?: ErrorCode;
  signal?: AbortSignal | undefined;
  connectTimeoutMs?: number;
}

/**
 * Opens a session. Throws `source-failed` (or `options.failure`) with the fact `sqlState` or `errno`, and a hint, for a
 * server that is down, a password that is refused, a database that is not there.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Connection> {
  options.signal?.throwIfAborted();
  const address = parseUrl(url);
  const client = await openClient(address, options).catch((error: unknown) => {
    throw databaseError(error, url, options.failure);
  });
  const close = async (): Promise<void> => {
    options.signal?.removeEventListener('abort', abort);
    await client.end().catch(() => {});
  };
  const abort = (): void => void close();
  options.signal?.addEventListener('abort', abort, { once: true });
  const translated = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (error) {
      options.signal?.throwIfAborted();
      throw databaseError(error, url, options.failure);
    }
  };
  return {
    async query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
      const result = await translated(client.query<Row>(sql, values === undefined ? undefined : [...values]));
      return result.rows;
    },
    async execute(sql) {
      await translated(client.query(sql));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function openClient(address: Address, options: ConnectOptions): Promise<Client> {
  const mode = address.parameters['sslmode'] ?? process.env['PGSSLMODE'] ?? 'prefer';
  try {
    return await openWith(address, await tlsOptions(mode, address.parameters), options);
  } catch (error) {
    // As libpq's `prefer`, the other way round: nearly every server that takes us in clear is on this machine.
    if (mode !== 'prefer' || !refusesPlain(error)) throw error;
    return openWith(address, { rejectUnauthorized: false }, options);
  }
}

async function openWith(
  address: Address,
  ssl: ConnectionOptions | false,
  options: ConnectOptions,
): Promise<Client> {
  const { default: pg } = await import('pg');
  const config: ClientConfig = {
    host: address.host,
    port: address.port,
    user: address.user,
    database: address.database,
    ssl,
    application_name: 'relocate',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 15_000,
    keepAlive: true,
  };
  if (address.password !== undefined) config.password = address.password;
  if (address.parameters['options'] !== undefined) config.options = address.parameters['options'];
  const client = new pg.Client(config);
  // Failures reach us as rejected promises; an unheard 'error' event (a server that goes away) would end this process.
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** libpq's meaning of sslmode: https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION */
async function tlsOptions(
  mode: string,
  parameters: Readonly<Record<string, string>>,
): Promise<ConnectionOptions | false> {
  if (mode === 'disable' || mode === 'allow' || mode === 'prefer') return false;
  const { sslrootcert, sslcert, sslkey } = parameters;
  const options: ConnectionOptions = {};
  if (sslrootcert !== undefined && sslrootcert !== 'system') options.ca = await readFile(sslrootcert);
  if (sslcert !== undefined) options.cert = await readFile(sslcert);
  if (sslkey !== undefined) options.key = await readFile(sslkey);
  if (mode === 'require' && options.ca === undefined) options.rejectUnauthorized = false;
  if (mode !== 'verify-full') options.checkServerIdentity = () => undefined;
  return options;
}

function refusesPlain(error: unknown): boolean {
  return codeOf(error) === '28000' && error instanceof Error && error.message.includes('no encryption');
}

/** Says in our words what the server or the network said in theirs. */
export function databaseError(
  error: unknown,
  url: string,
  failure: ErrorCode = 'source-failed',
): RelocateError {
  if (error instanceof RelocateError) return error;
  const code = codeOf(error);
  const place = redactUrl(url);
  const { message, hint, retryable } = explain(code, parseUrl(url), place, textOf(error));
  return new RelocateError(failure, message, { facts: { url: place, code }, hint, retryable });
}

interface Explanation {
  message: string;
  hint?: string;
  retryable: boolean;
}

function explain(code: string | undefined, address: Address, place: string, text: string): Explanation {
  const server = `${address.host}:${address.port}`;
  switch (code ?? '') {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return {
        message: `No PostgreSQL server answers at ${server}.`,
        hint: 'Start it, or correct the host and port in the URL. Nothing was changed.',
        retryable: true,
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        message: `The name of the database server, ${address.host}, is not known.`,
        hint: 'Correct the host in the URL, or look at the DNS of this machine. Nothing was changed.',
        retryable: code === 'EAI_AGAIN',
      };
    case '28P01':
      return {
        message: `The server at ${server} refused the password of user ${address.user}.`,
        hint: 'Correct the password in the URL (special characters percent-encoded). Nothing was changed.',
        retryable: false,
      };
    case '28000':
      return {
        message: `The server at ${server} does not let user ${address.user} in: ${text}`,
        hint: 'See pg_hba.conf on the server; a server that insists on TLS needs ?sslmode=require in the URL.',
        retryable: false,
      };
    case '3D000':
      return {
        message: `There is no database ${address.database} at ${server}.`,
        hint: `Correct the database in the URL; "psql -l" lists those there are. Nothing was changed.`,
        retryable: false,
      };
    case '42501':
      return {
        message: `User ${address.user} may not do this at ${place}: ${text}`,
        hint: 'Use a user that owns the database, or a superuser.',
        retryable: false,
      };
    case '57P03':
    case '53300':
      return { message: `The server at ${server} takes no connections now: ${text}`, retryable: true };
    default:
      return {
        message: `The database at ${place} failed: ${text}`,
        retryable: code?.startsWith('08') ?? true,
      };
  }
}

/** An SQLSTATE or an errno. A host with several addresses fails with one error for each of them. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof RelocateError) return error.facts['code']?.toString();
  const code = systemCodeOf(error);
  return code === undefined && error instanceof AggregateError ? codeOf(error.errors[0]) : code;
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return textOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
