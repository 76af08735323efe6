import type { App, DataItem } from '../app/app.ts';
import { RelocateError } from '../errors.ts';
import { snapshotPaths } from './manifest.ts';

/** One thing to capture: an entry of `data:`, the code folder, captured as files are, or the images of a Compose app. */
export interface Item {
  entry: DataItem;
  path: string;
}

const codeName = 'code';
const imagesName = 'images';

/** Pure: `only` names some of them. Throws `usage` for a name that is not there. */
export function itemsOf(app: App, only: readonly string[] | undefined): Item[] {
  const hasImages = app.services?.kind === 'compose' && app.images !== false;
  const known = [
    ...app.data.map((entry) => entry.name),
    ...(app.code ? [codeName] : []),
    ...(hasImages ? [imagesName] : []),
  ];
  const unknown = only?.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new RelocateError('usage', `--only names “${unknown}”, which relocate.yaml does not have.`, {
      hint: `It has: ${known.join(', ')}.`,
    });
  }
  const wanted = (name: string) => only === undefined || only.includes(name);
  const items = app.data
    .filter((entry) => wanted(entry.name))
    .map((entry) => ({ entry, path: snapshotPaths.data(entry.name) }));
  if (app.code && wanted(codeName)) {
    const options = { path: app.code.path, exclude: app.code.excludes };
    items.push({ entry: { name: codeName, kind: 'files', options }, path: snapshotPaths.code });
  }
  if (app.services !== undefined && hasImages && wanted(imagesName)) {
    const options = { file: app.services.path };
    items.push({ entry: { name: imagesName, kind: 'images', options }, path: snapshotPaths.images });
  }
  return items;
}
