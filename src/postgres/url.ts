import { userInfo } from 'node:os';
import { RelocateError } from '../errors.ts';

/** Where a connection URL leads, all percent-escapes undone. */
export interface Address {
  host: string;
  port: number;
  user: string;
  /** Undefined: the server trusts us, or ~/.pgpass knows. */
  password: string | undefined;
  database: string;
  /** Everything after the question mark, e.g. sslmode. */
  parameters: Record<string, string>;
}

/**
 * Reads a URL as libpq does, with the same variables for what it leaves out (the host's default is `localhost` rather
 * than a socket, whose folder depends on the build). Throws `source-failed`; the message never repeats the URL.
 */
export function parseUrl(url: string, environment: NodeJS.ProcessEnv = process.env): Address {
  const parsed = readable(url);
  const { host, port, user, password, dbname, ...parameters } = Object.fromEntries(parsed.searchParams);
  const account = user || decode(parsed.username) || environment['PGUSER'] || userInfo().username;
  return {
    host: host || decode(parsed.hostname).replace(/^\[(.*)\]$/, '$1') || environment['PGHOST'] || 'localhost',
    port: Number(port || parsed.port || environment['PGPORT'] || 5432),
    user: account,
    password: password || decode(parsed.password) || environment['PGPASSWORD'],
    database: dbname || decode(parsed.pathname.slice(1)) || environment['PGDATABASE'] || account,
    parameters,
  };
}

/** The same server and user, another database. */
export function withDatabase(url: string, database: string): string {
  const changed = readable(url);
  changed.searchParams.delete('dbname');
  changed.pathname = `/${encodeURIComponent(database)}`;
  return changed.href;
}

/** Fit for messages: no password, and nothing of what stands after the question mark. */
export function redactUrl(url: string): string {
  try {
    const { host, port, user, database } = parseUrl(url);
    return `postgres://${encodeURIComponent(user)}@${host}:${port}/${encodeURIComponent(database)}`;
  } catch {
    return 'postgres://…';
  }
}

/**
 * The environment for PostgreSQL's own programs, with the connection in it: argument lists can be read by every user of
 * a machine, environments cannot. Names: https://www.postgresql.org/docs/current/libpq-envars.html
 */
export function toolEnvironment(
  url: string,
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const address = parseUrl(url, environment);
  const variables: Record<string, string | undefined> = { ...environment };
  for (const name of leadingElsewhere) delete variables[name];
  for (const [name, value] of Object.entries(address.parameters)) {
    const variable = parameterVariables[name];
    if (variable !== undefined) variables[variable] = value;
  }
  Object.assign(variables, {
    PGHOST: address.host,
    PGPORT: String(address.port),
    PGUSER: address.user,
    PGPASSWORD: address.password,
    PGDATABASE: address.database,
    // What the programs say is shown to people and looked at here: always in the same words.
    LC_ALL: 'C',
    LANGUAGE: '',
  });
  return Object.fromEntries(
    Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

const leadingElsewhere = [
  'PGSERVICE',
  'PGSERVICEFILE',
  'PGHOSTADDR',
  'PGOPTIONS',
  'PGCLIENTENCODING',
  'PGTARGETSESSIONATTRS',
];

const parameterVariables: Record<string, string> = {
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  options: 'PGOPTIONS',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  channel_binding: 'PGCHANNELBINDING',
};

function readable(url: string): URL {
  // libpq takes an empty host after a user (the host then stands in the query), the URL standard does not.
  const text = url.replace(/^(\w+:\/\/[^/?]*@)(?=[/?])/, '$1localhost');
  if (!URL.canParse(text) || !/^postgres(ql)?:$/.test(new URL(text).protocol)) {
    throw new RelocateError('source-failed', 'The database URL cannot be read.', {
      hint: 'It should look like postgres://user:password@host:5432/database, with special characters percent-encoded.',
    });
  }
  return new URL(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign in a password is written by many and accepted by most clients.
    return text;
  }
}
