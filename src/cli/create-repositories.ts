import type { App, RepositoryPlace } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import {
  findApp,
  loadApp,
  namedRepository,
  openPlace,
  openStorageOf,
  passwordsOf,
  repositoryPlaces,
  type Passwords,
} from './context.ts';
import type { Session } from './session.ts';

type Made = { repository: string } & (
  { id: string; created: boolean; cutsOtherwise?: true } | { error: { code: string; message: string } }
);

/** `init --repository`: makes those that relocate.yaml lists (or the one of -r) and that are not there yet. */
export async function createRepositories(
  session: Session,
  polynomial: Repository['polynomial'] | undefined,
): Promise<number> {
  const named = namedRepository(session);
  const app: App | undefined =
    named === undefined ? (await loadApp(session)).app : (await findApp(session))?.app;
  const places = repositoryPlaces(session, app);
  const [only, ...others] = places;
  const passwords = passwordsOf(session, { confirm: true });
  if (only !== undefined && others.length === 0) {
    const made = await create(session, only, passwords, polynomial);
    session.result({ repository: made.url, id: made.id }, [created(made), '', ...advice].join('\n'));
    return 0;
  }
  const all = await createSeveral(session, places, passwords, polynomial);
  session.result({ repositories: all }, [...all.map(line), '', ...advice].join('\n'));
  return all.some((one) => 'error' in one) ? 3 : 0;
}

/**
 * All cut files as the first one does, so that they share their blobs' IDs: what one has can then be copied to another
 * as it is. So without the first one none is made. Throws its error, and `repository-exists` where all are there.
 */
async function createSeveral(
  session: Session,
  places: readonly RepositoryPlace[],
  passwords: Passwords,
  given: Repository['polynomial'] | undefined,
): Promise<Made[]> {
  const all: Made[] = [];
  let polynomial = given;
  for (const place of places) {
    session.signal.throwIfAborted();
    try {
      const { repository, isNew } = await createOrOpen(session, place, passwords, polynomial);
      polynomial ??= repository.polynomial;
      all.push({
        repository: place.url,
        id: repository.id,
        created: isNew,
        ...(repository.polynomial === polynomial ? {} : { cutsOtherwise: true }),
      });
    } catch (error) {
      if (polynomial === undefined || !(error instanceof RelocateError)) throw error;
      all.push({ repository: place.url, error: { code: error.code, message: error.message } });
    }
  }
  if (all.every((one) => 'created' in one && !one.created)) {
    throw new RelocateError('repository-exists', `All ${all.length} repositories are there already.`, {
      hint: 'They were not touched. Use them as they are: relocate snapshot',
    });
  }
  return all;
}

async function createOrOpen(
  session: Session,
  place: RepositoryPlace,
  passwords: Passwords,
  polynomial: Repository['polynomial'] | undefined,
): Promise<{ repository: Repository; isNew: boolean }> {
  try {
    return { repository: await create(session, place, passwords, polynomial), isNew: true };
  } catch (error) {
    if (!(error instanceof RelocateError) || error.code !== 'repository-exists') throw error;
    const repository = await openPlace(session, place, { passwords });
    await repository.close();
    return { repository, isNew: false };
  }
}

async function create(
  session: Session,
  place: RepositoryPlace,
  passwords: Passwords,
  polynomial: Repository['polynomial'] | undefined,
): Promise<Repository> {
  const { createRepository } = await import('../repository/index.ts');
  const storage = await openStorageOf(session, place);
  const options = polynomial === undefined ? {} : { polynomial };
  const repository = await createRepository(storage, await passwords(place), options);
  await repository.close();
  return repository;
}

function line(made: Made): string {
  if ('error' in made) return `NOT created: ${made.repository}: ${made.error.message}`;
  const cuts = made.cutsOtherwise
    ? ' It cuts files otherwise than the first one: it works, but nothing that it had before is shared.'
    : '';
  if (made.created) return created({ id: made.id, url: made.repository });
  return `Repository ${made.id.slice(0, 8)} at ${made.repository} was there already.${cuts}`;
}

const created = ({ id, url }: { id: string; url: string }): string =>
  `Created repository ${id.slice(0, 8)} at ${url}.`;

const advice = [
  'Keep the password where you can reach it when this machine is gone: without it, nobody can read a snapshot.',
  'Next: relocate snapshot',
];
