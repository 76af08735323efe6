import { join, relative, resolve } from 'node:path';
import type { App, DataItem } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import { parseUrl } from '../postgres/url.ts';
import { isInside, type Move, type PathMove } from './environment.ts';
import type { DatabasePlace } from './environment-database.ts';
import { hostLayout } from './layout.ts';
import { snapshotPaths } from './manifest.ts';

/** Pure: where each part of the app was, and where it comes to lie on the new host. */
export interface Places {
  oldFolder: string;
  code: PathMove | undefined;
  data: DataPlace[];
}

export type DataPlace =
  | { kind: 'postgres'; name: string; before: DatabasePlace }
  | { kind: 'path'; name: string; before: string; after: string }
  /** `volume`: as the Compose file names it. `after` is the folder that it is bound to. */
  | { kind: 'volume'; name: string; volume: string; after: string };

/**
 * The code folder comes to `code/`. Data that lay inside it comes to the same place inside the new one, so that relative
 * paths still lead there; other data to `data/NAME`.
 */
export function findPlaces(app: App, hostFolder: string): Places {
  const captured = app.code && { before: app.code.path, after: hostLayout.code(hostFolder) };
  const data = app.data.map((item) => placeOf(item, app, captured, hostFolder));
  return { oldFolder: app.folder, code: captured ?? codeAmongData(app, data), data };
}

/** An app may name its whole folder as data: then it runs there. */
function codeAmongData(app: App, data: readonly DataPlace[]): PathMove | undefined {
  const around = data.flatMap((place) =>
    place.kind === 'path' && isInside(app.folder, place.before) ? [place] : [],
  );
  const [place] = app.services === undefined ? [] : around;
  return place && { before: app.folder, after: join(place.after, relative(place.before, app.folder)) };
}

function placeOf(item: DataItem, app: App, code: PathMove | undefined, hostFolder: string): DataPlace {
  const { name } = item;
  if (item.kind === 'postgres') {
    const address = parseUrl(optionOf(item, 'url'), app.environment);
    const { host, port, user, password = '', database } = address;
    return { kind: 'postgres', name, before: { host, port: String(port), user, password, database } };
  }
  if (item.kind === 'volume') {
    return {
      kind: 'volume',
      name,
      volume: optionOf(item, 'name'),
      after: hostLayout.data(hostFolder, name),
    };
  }
  const before = resolve(app.folder, optionOf(item, 'path'));
  const after =
    code !== undefined && before !== code.before && isInside(before, code.before)
      ? join(code.after, relative(code.before, before))
      : hostLayout.data(hostFolder, name);
  return { kind: 'path', name, before, after };
}

/** Where the folders are that a snapshot of the app captures, by their path in the snapshot. */
export function capturedFolders(app: App): Record<string, string> {
  const folders = app.data
    .filter((item) => item.kind === 'files')
    .map((item) => [snapshotPaths.data(item.name), resolve(app.folder, optionOf(item, 'path'))]);
  return Object.fromEntries([...folders, ...(app.code ? [[snapshotPaths.code, app.code.path]] : [])]);
}

/** Sources name their old place under `url`, `path` or `name`, or are nothing but that. */
function optionOf({ name, kind, options }: DataItem, key: 'url' | 'path' | 'name'): string {
  const value: unknown =
    typeof options === 'object' && options !== null ? Reflect.get(options, key) : options;
  if (typeof value === 'string') return value;
  throw new RelocateError('internal', `data.${name} (${kind}) does not say where it was.`, {
    facts: { name, kind },
  });
}

/** What has to be there before data is restored inside of it: the code folder, or other data. */
export function enclosing(place: DataPlace, places: Places): ('code' | { data: string })[] {
  if (place.kind !== 'path') return [];
  const outer = places.data
    .filter(
      (other) => other.kind === 'path' && other.name !== place.name && isInside(place.after, other.after),
    )
    .map((other) => ({ data: other.name }));
  const { code } = places;
  return code !== undefined && place.after !== code.after && isInside(place.after, code.after)
    ? ['code', ...outer]
    : outer;
}

/** The folders that hold what was in volumes, by the volumes' names in the Compose file. */
export function volumeFolders({ data }: Pick<Places, 'data'>): Record<string, string> {
  return Object.fromEntries(
    data.flatMap((place) => (place.kind === 'volume' ? [[place.volume, place.after]] : [])),
  );
}

/** Where a file of the code comes to lie. */
export function newCodePath({ code }: Pick<Places, 'code'>, path: string): string {
  return code === undefined ? path : join(code.after, relative(code.before, path));
}

/** All that moved, once the databases' new places are known. */
export function moveOf(places: Places, databases: ReadonlyMap<string, DatabasePlace>): Move {
  return {
    oldFolder: places.oldFolder,
    newFolder: places.code?.after,
    databases: places.data.flatMap((place) => {
      const after = databases.get(place.name);
      return place.kind === 'postgres' && after ? [{ name: place.name, before: place.before, after }] : [];
    }),
    paths: [
      ...(places.code ? [places.code] : []),
      ...places.data.flatMap(({ ...place }) => (place.kind === 'path' ? [place] : [])),
    ],
  };
}
