import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { App, RepositoryPlace } from '../app/app.ts';
import { RelocateError, systemCodeOf } from '../errors.ts';
import type { CopyPlace } from '../repository/copies/member.ts';
import type { Repository } from '../repository/repository.ts';
import type { OpenOptions } from '../storage/index.ts';
import type { Storage, Traffic } from '../storage/storage.ts';
import type { Globals } from './globals.ts';
import { fromFile, readPassword } from './password.ts';
import { readSchemas } from './schemas.ts';
import type { Session } from './session.ts';

/** What the command line finds in its surroundings: the app, the repository's place, the password. */

export interface LoadedApp {
  app: App;
  /** relocate.yaml as it stands on disk. */
  text: string;
}

export const configName = 'relocate.yaml';

export function configPathOf(globals: Globals): string {
  return resolve(globals.config ?? configName);
}

/** Throws `config-missing`, `config-invalid`. */
export async function loadApp(session: Session): Promise<LoadedApp> {
  const loaded = await findApp(session);
  if (loaded) return loaded;
  const path = configPathOf(session.globals);
  throw new RelocateError('config-missing', `There is no ${path}.`, {
    hint: 'Write one with: relocate init — or name one with --config FILE.',
  });
}

/** As loadApp, but undefined where no relocate.yaml lies here and none was named. */
export async function findApp(session: Session): Promise<LoadedApp | undefined> {
  const path = configPathOf(session.globals);
  const text = await readIfThere(path);
  if (text === undefined) {
    if (session.globals.config === undefined) return undefined;
    throw new RelocateError('config-missing', `There is no ${path}.`);
  }
  const [{ parseApp }, schemas] = await Promise.all([import('../app/parse.ts'), readSchemas()]);
  const app = await parseApp(text, {
    path,
    folder: dirname(path),
    environment: session.environment,
    readFile: readIfThere,
    ...schemas,
  });
  return { app, text };
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = systemCodeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new RelocateError('config-invalid', `${path} cannot be read.`, { facts: { reason: code }, cause });
  }
}

/** Where deployments are kept. */
export function stateFolderOf(globals: Globals, app: App | undefined): string {
  if (globals.state !== undefined) return resolve(globals.state);
  return join(app?.folder ?? process.cwd(), '.relocate');
}

/** Named on the command line or in the environment: then that one is meant, whatever relocate.yaml lists. */
export function namedRepository({ globals, environment }: Session): string | undefined {
  return globals.repo ?? environment['RELOCATE_REPOSITORY'] ?? environment['RESTIC_REPOSITORY'];
}

/** The repositories this command works on: the one that was named, or all of relocate.yaml. Throws `usage` where there is none. */
export function repositoryPlaces(session: Session, app: App | undefined): RepositoryPlace[] {
  const named = namedRepository(session);
  const places = named === undefined ? (app?.repositories ?? []) : [{ url: named }];
  if (places.length > 0) return places;
  throw new RelocateError('usage', 'No repository was named.', {
    hint: 'Name one with -r file:/path, set RELOCATE_REPOSITORY, or list it under “repositories:” in relocate.yaml.',
  });
}

/** For what is done with one repository at a time. Throws `usage` where relocate.yaml lists several and none was named. */
export function onlyPlace(session: Session, app: App | undefined): RepositoryPlace {
  const [first = { url: '' }, ...others] = repositoryPlaces(session, app);
  if (others.length === 0) return first;
  throw new RelocateError(
    'usage',
    'relocate.yaml lists several repositories, and this is done with one at a time.',
    { hint: `Name the one you mean, for example: -r ${first.url}` },
  );
}

export function repositoryUrl(session: Session, app: App | undefined): string {
  return onlyPlace(session, app).url;
}

/**
 * How long trouble with one of several copies is waited out: while a snapshot is taken, about as long as a source can be
 * kept waiting; else the next copy is as good.
 */
const patienceMs = { saving: 5 * 60_000, reading: 30_000 } as const;

export type Purpose = keyof typeof patienceMs;

export interface OpenFor {
  purpose?: Purpose;
  /** As `openRepository` has it; with several, it is called several times. */
  whileUnlocking?: () => void;
}

/** Opens one or several as one, for all that reads and for taking snapshots. To be closed by the caller. */
export async function openRepositoryOf(
  session: Session,
  app: App | undefined,
  openFor: OpenFor = {},
): Promise<Repository> {
  const places = repositoryPlaces(session, app);
  const [only, ...others] = places;
  if (only !== undefined && others.length === 0) {
    const { whileUnlocking } = openFor;
    return openPlace(session, only, { whileUnlocking });
  }
  const { openCopies } = await import('../repository/copies/open.ts');
  const { emit, signal } = session;
  return openCopies(copyPlaces(session, app, openFor), { emit, signal });
}

/** The repositories as copies of each other, not opened yet. */
export function copyPlaces(
  session: Session,
  app: App | undefined,
  { purpose = 'reading', whileUnlocking }: OpenFor,
): CopyPlace[] {
  const passwords = passwordsOf(session);
  return repositoryPlaces(session, app).map((place) => ({
    url: place.url,
    open: (givenUp) =>
      openPlace(session, place, { passwords, givenUp, patienceMs: patienceMs[purpose], whileUnlocking }),
  }));
}

const trafficOf = new WeakMap<Globals, Traffic>();

/** What all storages of one command share: trouble is told, and rates hold for all of them together. */
export async function storageOptionsOf({ globals, emit, signal }: Session): Promise<OpenOptions> {
  const { limitTraffic } = await import('../storage/limit.ts');
  const traffic =
    trafficOf.get(globals) ??
    limitTraffic({
      uploadBytesPerSecond: globals.limitUpload,
      downloadBytesPerSecond: globals.limitDownload,
    });
  if (traffic !== undefined) trafficOf.set(globals, traffic);
  return { emit, signal, traffic };
}

export async function openStorageOf(
  session: Session,
  { url }: RepositoryPlace,
  { givenUp, ...options }: { givenUp?: AbortSignal; patienceMs?: number } = {},
): Promise<Storage> {
  const { openStorage } = await import('../storage/index.ts');
  const shared = await storageOptionsOf(session);
  const signal = givenUp === undefined ? session.signal : AbortSignal.any([session.signal, givenUp]);
  return openStorage(url, { ...shared, signal, ...options });
}

/** To be closed by the caller. */
export async function openPlace(
  session: Session,
  place: RepositoryPlace,
  {
    passwords = passwordsOf(session),
    whileUnlocking,
    ...options
  }: {
    passwords?: Passwords;
    whileUnlocking?: (() => void) | undefined;
    givenUp?: AbortSignal;
    patienceMs?: number;
  },
): Promise<Repository> {
  const { openRepository } = await import('../repository/index.ts');
  const password = await passwords(place);
  const { compression, readConcurrency: threadCount } = session.globals;
  const storage = await openStorageOf(session, place, options);
  const writing = { ...(compression ? { compression } : {}), threadCount };
  return openRepository(storage, password, { ...writing, whileUnlocking });
}

export type Passwords = (place: RepositoryPlace) => Promise<string>;

const commonPassword = new WeakMap<Globals, Promise<string>>();

/** A place's own password, or the one of all others, which is asked for once. */
export function passwordsOf(session: Session, options: { confirm?: boolean } = {}): Passwords {
  return ({ passwordFile }) => {
    if (passwordFile !== undefined) return fromFile(passwordFile);
    const common =
      commonPassword.get(session.globals) ?? readPassword(session.globals, session.environment, options);
    commonPassword.set(session.globals, common);
    return common;
  };
}

/** Opens the repository, or several as one, for the time of `work`. */
export async function withRepository<T>(
  session: Session,
  app: App | undefined,
  work: (repository: Repository) => Promise<T>,
  openFor?: OpenFor,
): Promise<T> {
  const repository = await openRepositoryOf(session, app, openFor);
  try {
    return await work(repository);
  } finally {
    await repository.close();
  }
}

/** For commands that need a repository but no app: a broken relocate.yaml is no reason for them to refuse. */
export async function withRepositoryAlone<T>(
  session: Session,
  work: (repository: Repository) => Promise<T>,
  openFor?: OpenFor,
): Promise<T> {
  return withRepository(session, await appForPlaces(session), work, openFor);
}

export async function appForPlaces(session: Session): Promise<App | undefined> {
  return namedRepository(session) === undefined ? (await loadApp(session)).app : undefined;
}
