import type { RepositoryPlace } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import {
  appForPlaces,
  onlyPlace,
  openPlace,
  passwordsOf,
  repositoryPlaces,
  type Passwords,
} from './context.ts';
import type { Session } from './session.ts';

/** For what is done with one repository at a time. */
export async function withOneRepository<T>(
  session: Session,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  return workOn(session, onlyPlace(session, await appForPlaces(session)), passwordsOf(session), work);
}

/** What came of the work on one of several repositories. */
export type EachResult<T> = { url: string } & ({ result: T } | { error: RelocateError });

/**
 * Does the work with each repository by itself, one after the other. What fails with one of several is its own failure;
 * with a single one it is thrown.
 */
export async function withEachRepository<T>(
  session: Session,
  work: (repository: Repository) => Promise<T>,
): Promise<EachResult<T>[]> {
  const places = repositoryPlaces(session, await appForPlaces(session));
  const passwords = passwordsOf(session);
  const results: EachResult<T>[] = [];
  for (const place of places) {
    try {
      results.push({ url: place.url, result: await workOn(session, place, passwords, work) });
    } catch (error) {
      session.signal.throwIfAborted();
      if (places.length === 1 || !(error instanceof RelocateError)) throw error;
      results.push({ url: place.url, error });
    }
  }
  return results;
}

async function workOn<T>(
  session: Session,
  place: RepositoryPlace,
  passwords: Passwords,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const repository = await openPlace(session, place, { passwords });
  try {
    return await work(repository);
  } finally {
    await repository.close();
  }
}

/** As they stand in the one result of --json. */
export function asResults<T extends object>(results: readonly EachResult<T>[]): object[] {
  return results.map((one) =>
    'result' in one
      ? { url: one.url, ...one.result }
      : { url: one.url, error: { code: one.error.code, message: one.error.message } },
  );
}
