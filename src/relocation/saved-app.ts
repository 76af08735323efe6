import { join, posix, relative } from 'node:path';
import type { App } from '../app/app.ts';
import type { ParseContext } from '../app/context.ts';
import { parseApp } from '../app/parse.ts';
import { RelocateError } from '../errors.ts';
import type { Repository } from '../repository/repository.ts';
import type { StoredSnapshot } from '../repository/types.ts';
import { isInside } from './environment.ts';
import { readManifest, readSnapshotText, snapshotPaths } from './manifest.ts';
import type { Manifest } from './types.ts';

/** The app as a snapshot holds it: all that a deploy needs, so that repository and password suffice on a new machine. */
export interface SavedApp {
  snapshot: StoredSnapshot;
  manifest: Manifest;
  /** With the paths that it had where it was captured. */
  app: App;
}

/** Schemas of the sources' and targets' options, by name. */
export type OptionSchemas = Pick<ParseContext, 'sources' | 'targets'>;

/** Throws `snapshot-missing`, `snapshot-hostile`, `config-invalid`. */
export async function readSavedApp(
  repository: Repository,
  snapshot: StoredSnapshot,
  schemas: OptionSchemas,
): Promise<SavedApp> {
  const manifest = await readManifest(repository, snapshot);
  const read = (path: string) => readSnapshotText(repository, snapshot, path);
  const [text, variables] = await Promise.all([read(snapshotPaths.config), read(snapshotPaths.variables)]);
  if (text === undefined) {
    throw new RelocateError(
      'snapshot-missing',
      `Snapshot ${snapshot.id.slice(0, 8)} holds no relocate.yaml.`,
      {
        facts: { snapshot: snapshot.id },
        hint: 'Its files can be had with: relocate restore ID --target DIR',
      },
    );
  }
  const { folder } = manifest;
  const app = await parseApp(text, {
    path: join(folder, 'relocate.yaml'),
    folder,
    environment: readVariables(variables ?? ''),
    readFile: async (path) => {
      const saved = snapshotPathOf(path, manifest);
      return saved === undefined ? undefined : read(saved);
    },
    ...schemas,
  });
  return { snapshot, manifest, app };
}

/** Pure: where in the snapshot a file of the old machine lies; undefined for one that was not captured. */
export function snapshotPathOf(
  path: string,
  { folder, folders }: Pick<Manifest, 'folder' | 'folders'>,
): string | undefined {
  const [innermost] = Object.entries(folders ?? { [snapshotPaths.code]: folder })
    .filter(([, before]) => isInside(path, before))
    .toSorted(([, a], [, b]) => b.length - a.length);
  return innermost && posix.join(innermost[0], relative(innermost[1], path));
}

/** Pure: lines of NAME="value" with the value as JSON, as a snapshot writes them. Throws `snapshot-hostile`. */
export function readVariables(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      const value = at < 1 ? undefined : parseString(line.slice(at + 1));
      if (value === undefined) {
        throw new RelocateError(
          'snapshot-hostile',
          'The snapshot’s variables are not as relocate writes them.',
        );
      }
      return [line.slice(0, at), value];
    }),
  );
}

function parseString(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
