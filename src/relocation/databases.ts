import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { HostOutput } from '../hosts/host.ts';
import { inUrl } from '../hosts/in-url.ts';
import { startService } from '../hosts/supervisor.ts';
import { findPostgres } from '../postgres/binaries.ts';
import { ensureDatabase } from '../postgres/database.ts';
import { clusterFolder, initialiseCluster, serverCommand, waitUntilReady } from '../postgres/server.ts';
import { parseUrl, withDatabase } from '../postgres/url.ts';
import type { Destination, SavedSource } from '../sources/source.ts';
import type { DatabasePlace } from './environment-database.ts';
import { hostLayout } from './layout.ts';

/** A database's new place as the journal holds it: all but the passwords, which are derived anew each time. */
export const servedSchema = z.object({
  host: z.string(),
  port: z.string(),
  user: z.string(),
  database: z.string(),
  /** Whether the server is the deployment's own, or one that the target names. */
  ownServer: z.boolean(),
});
export type ServedDatabase = z.infer<typeof servedSchema>;

export interface DatabaseWork {
  deployment: string;
  /** The data's name. */
  name: string;
  before: DatabasePlace;
  saved: SavedSource;
  host: HostOutput;
  /** Administrator of a server that is up already; undefined: one is started on the host. */
  adminUrl: string | undefined;
  /** 256 bits in hex, the same whenever asked; see deployment-keys.ts. */
  deriveSecret: (purpose: string) => string;
  signal: AbortSignal;
}

/** Makes sure that the database is served, empty or with what was restored to it already. Running it again is safe. */
export async function serveDatabase(work: DatabaseWork): Promise<ServedDatabase> {
  if (work.adminUrl !== undefined) return serveElsewhere(work, work.adminUrl);
  const { name, host, saved, signal } = work;
  const { database, user } = work.before;
  const port = portOf(host, name);
  const binaries = await findPostgres({ atLeastMajor: majorVersion(saved), tools: ['postgres', 'initdb'] });
  const wished = hostLayout.postgres(host.folder, name);
  const password = adminPassword(work);
  await mkdir(dirname(wished), { recursive: true, mode: 0o755 });
  const { dataFolder } = await initialiseCluster({
    binaries,
    dataFolder: wished,
    superuser,
    password,
    signal,
  });
  const server = await serverCommand({ binaries, dataFolder, port });
  await startService({
    ...server,
    name: databaseService(name),
    folder: host.folder,
    cwd: dataFolder,
    environment: {},
    // "Fast": ends sessions and writes all down. SIGTERM would wait for every session to end by itself.
    stopSignal: 'SIGINT',
  });
  const served = { host: host.address, port: String(port), user, database, ownServer: true };
  const adminUrl = adminUrlOf(served, work);
  await waitUntilReady(adminUrl, { timeoutMs: 60_000, signal });
  await ensureDatabase({ adminUrl, database, owner: user, password: appPassword(served, work), signal });
  return served;
}

/**
 * A server that others use as well may have a database and a user of the old names already, perhaps the old ones
 * themselves. Names of the deployment's own keep clear of them.
 */
async function serveElsewhere(work: DatabaseWork, adminUrl: string): Promise<ServedDatabase> {
  const { host, port } = parseUrl(adminUrl);
  const own = ownName(work.deployment, work.name);
  const served = { host, port: String(port), user: own, database: own, ownServer: false };
  const password = appPassword(served, work);
  await ensureDatabase({ adminUrl, database: own, owner: own, password, signal: work.signal });
  return served;
}

/** Pure: fits PostgreSQL's 63 bytes, with the end that makes it unique. */
export function ownName(deployment: string, name: string): string {
  return `${deployment}_${name}`
    .replaceAll('-', '_')
    .slice(-63)
    .replace(/^[^a-z]+/, '');
}

type Secrets = Pick<DatabaseWork, 'deployment' | 'name' | 'deriveSecret'>;

/** Where to restore to. Holds passwords. */
export function destinationOf(
  served: ServedDatabase,
  work: Secrets & Pick<DatabaseWork, 'adminUrl'>,
): Extract<Destination, { kind: 'postgres' }> {
  return {
    kind: 'postgres',
    url: databaseUrl(placeOf(served, work)),
    adminUrl: work.adminUrl ?? adminUrlOf(served, work),
  };
}

/** Holds the password. */
export function placeOf(
  { host, port, user, database, ownServer }: ServedDatabase,
  work: Secrets,
): DatabasePlace {
  return { host, port, user, database, password: appPassword({ user, ownServer }, work) };
}

export function databaseUrl({ host, port, user, password, database }: DatabasePlace): string {
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgres://${login}@${inUrl(host)}:${port}/${encodeURIComponent(database)}`;
}

/** The name under which the supervisor knows the server; no service of a Procfile has a dot in its name. */
export function databaseService(name: string): string {
  return `postgres.${name}`;
}

/** Folders of a deployment's own clusters that lie outside the host's folder. */
export async function strayClusters(hostFolder: string, names: readonly string[]): Promise<string[]> {
  const wished = names.map((name) => hostLayout.postgres(hostFolder, name));
  const real = await Promise.all(wished.map((folder) => clusterFolder(folder)));
  return real.filter((folder) => !folder.startsWith(`${hostFolder}/`));
}

export function majorVersion(saved: SavedSource): number {
  return Number.parseInt(saved.tools['server'] ?? '', 10) || 0;
}

const superuser = 'postgres';

/** Purposes of all secrets that a database's passwords are made of. */
export function databaseSecrets(deployment: string, name: string): string[] {
  return [adminPurpose(deployment, name), appPurpose(deployment, name)];
}

const adminPurpose = (deployment: string, name: string) => `postgres/${deployment}/${name}/admin`;
const appPurpose = (deployment: string, name: string) => `postgres/${deployment}/${name}`;

function adminPassword({ deployment, name, deriveSecret }: Secrets): string {
  return deriveSecret(adminPurpose(deployment, name));
}

/** An app that was the superuser of its server is so again: there is one password for it then. */
function appPassword({ user, ownServer }: Pick<ServedDatabase, 'user' | 'ownServer'>, work: Secrets): string {
  if (ownServer && user === superuser) return adminPassword(work);
  return work.deriveSecret(appPurpose(work.deployment, work.name));
}

/** In another database than the one to be restored, which could not be made anew from a session inside of it. */
function adminUrlOf(served: ServedDatabase, work: Secrets): string {
  const place = { ...served, user: superuser, password: adminPassword(work) };
  return withDatabase(databaseUrl(place), served.database === 'postgres' ? 'template1' : 'postgres');
}

function portOf(host: HostOutput, name: string): number {
  const port = host.ports[name];
  if (port === undefined) throw new TypeError(`the stack leased no port for ${name}`);
  return port;
}
