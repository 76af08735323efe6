import type { HostOutput } from '../hosts/host.ts';
import { hostOf } from '../hosts/index.ts';
import type { App } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import { connect } from '../postgres/connection.ts';
import type { Destination } from '../sources/source.ts';
import type { CheckSite } from './checks.ts';

/** Where checks of a deployed app are run. */
export function checkSite(deployed: {
  app: App;
  host: HostOutput;
  folder: string;
  /** Holds secrets. */
  environment: Readonly<Record<string, string>>;
  /** Undefined for data that is no database, or is not known. */
  destinationOf: (data: string) => Destination | undefined;
  patient: boolean;
  signal: AbortSignal;
}): CheckSite {
  const { app, host, folder, environment, destinationOf, patient, signal } = deployed;
  const names = app.services?.services.map(({ name }) => name) ?? [];
  return {
    services: names.flatMap((name) => {
      const port = host.ports[name];
      return port === undefined ? [] : [{ name, address: host.address, port }];
    }),
    queryDatabase: async (data, query, signal) => {
      const destination = destinationOf(data);
      if (destination === undefined)
        throw new RelocateError('verify-failed', `There is no database ${data}.`);
      if (destination.kind === 'postgres') return queryPostgres(destination.url, query, signal);
      if (destination.kind === 'path') return querySqlite(destination.path, query);
      throw new RelocateError('internal', `${data} is no database.`);
    },
    run: (command, options) => hostOf(host).run(command, options),
    folder,
    environment,
    patient,
    signal,
  };
}

async function queryPostgres(url: string, query: string, signal: AbortSignal): Promise<string | undefined> {
  await using connection = await connect(url, { failure: 'verify-failed', signal });
  const [row] = await connection.query<Record<string, unknown>>(query);
  return firstValue(row);
}

async function querySqlite(path: string, query: string): Promise<string | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return firstValue(database.prepare(query).get());
  } finally {
    database.close();
  }
}

function firstValue(row: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const [value]: unknown[] = row === undefined ? [] : Object.values(row);
  if (value === undefined || value === null) return row === undefined ? undefined : '';
  if (typeof value === 'string') return value;
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
}
