import { RelocateError } from '../errors.ts';
import { files } from './files.ts';
import { volume } from './files-volume.ts';
import { images } from './images.ts';
import { postgres } from './postgres.ts';
import { sqlite } from './sqlite.ts';
import type { Source } from './source.ts';

/** Every kind of data that can be captured. A new one is a file beside this one and a line here. */
export const sources: readonly Source[] = [files, volume, postgres, sqlite];

/** What is captured without an entry under `data:`. */
const implied: readonly Source[] = [images];

/** Throws `config-invalid` for a kind that is not there: the snapshot may be of a newer version. */
export function sourceOf(kind: string): Source {
  const source = [...sources, ...implied].find((candidate) => candidate.kind === kind);
  if (source !== undefined) return source;
  throw new RelocateError('config-invalid', `This version knows no data of the kind “${kind}”.`, {
    facts: { kind },
    hint: `It knows: ${sources.map((candidate) => candidate.kind).join(', ')}.`,
  });
}
