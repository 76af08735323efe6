import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { App } from '../app/app.ts';
import { RelocateError, systemCodeOf } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import type { Storage } from '../storage/storage.ts';
import type { Globals } from './globals.ts';
import { readPassword } from './password.ts';
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

/**
 * The one repository this command works on: `--repo`, the environment, or the only one of relocate.yaml.
 * Throws `usage` where there is none, or several and none was named.
 */
export function repositoryUrl(session: Session, app: App | undefined): string {
  const { globals, environment } = session;
  const named = globals.repo ?? environment['RELOCATE_REPOSITORY'] ?? environment['RESTIC_REPOSITORY'];
  if (named !== undefined) return named;
  const [first, ...others] = app?.repositories ?? [];
  if (first === undefined) {
    throw new RelocateError('usage', 'No repository was named.', {
      hint: 'Name one with -r file:/path, set RELOCATE_REPOSITORY, or list it under “repositories:” in relocate.yaml.',
    });
  }
  if (others.length > 0) {
    throw new RelocateError(
      'usage',
      'relocate.yaml lists several repositories, and this version feeds one at a time.',
      {
        hint: `Name the one you mean, for example: -r ${first}`,
      },
    );
  }
  return first;
}

export async function openStorageOf(session: Session, app: App | undefined): Promise<Storage> {
  const { openStorage } = await import('../storage/index.ts');
  return openStorage(repositoryUrl(session, app), { emit: session.emit, signal: session.signal });
}

/** To be closed by the caller. */
export async function openRepositoryOf(session: Session, app: App | undefined): Promise<Repository> {
  const { openRepository } = await import('../repository/index.ts');
  const storage = await openStorageOf(session, app);
  return openRepository(storage, await readPassword(session.globals, session.environment));
}

/** Opens the repository for the time of `work`. */
export async function withRepository<T>(
  session: Session,
  app: App | undefined,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const repository = await openRepositoryOf(session, app);
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
): Promise<T> {
  const { globals, environment } = session;
  const named = globals.repo ?? environment['RELOCATE_REPOSITORY'] ?? environment['RESTIC_REPOSITORY'];
  const app = named === undefined ? (await loadApp(session)).app : undefined;
  return withRepository(session, app, work);
}
