import type { Repository } from '../repository.ts';
import { Copies } from './copies.ts';
import { Crew, type CopiesOptions } from './crew.ts';
import { noneIsLeft } from './errors.ts';
import type { CopyPlace } from './member.ts';

/**
 * Opens repositories that hold the same snapshots, to be used as one. Those that cannot be opened are said with `emit`
 * and named in `copies`. Throws where none can be opened. A single place is opened as it is.
 */
export async function openCopies(
  places: readonly CopyPlace[],
  options: CopiesOptions = {},
): Promise<Repository> {
  const [only, ...others] = places;
  if (only !== undefined && others.length === 0) return only.open(new AbortController().signal);
  const crew = new Crew(
    places.map(({ url }) => url),
    options,
  );
  try {
    await crew.open(places);
  } catch (error) {
    await crew.close();
    throw error;
  }
  const first = crew.living[0]?.repository;
  if (first === undefined) throw noneIsLeft(crew.members);
  for (const { url, repository } of crew.living) {
    if (repository === undefined || repository.polynomial === first.polynomial) continue;
    crew.emit({
      type: 'note',
      message: `${url} cuts files otherwise than the first repository: it works, but shares less with what it had before.`,
    });
  }
  return new Copies(crew, first);
}
