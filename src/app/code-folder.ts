import { join, relative, resolve, sep } from 'node:path';
import type { CodeFolder, DataItem, RepositoryPlace } from './app.ts';

/**
 * What is captured with the code leaves out what is captured apart or is relocate's own: its work folder, repositories,
 * and the files and databases named under `data`. Those patterns are absolute, as restic anchors them.
 */
export function codeExcludes(
  code: { path: string; exclude: readonly string[] },
  app: { folder: string; data: readonly DataItem[]; repositories: readonly RepositoryPlace[] },
): CodeFolder {
  const repositories = app.repositories.flatMap(({ url, passwordFile = '' }) => [
    ...(url.startsWith('file:') ? [url.slice('file:'.length)] : []),
    // A password does not belong into what it opens.
    ...(passwordFile === '' ? [] : [passwordFile]),
  ]);
  const apart = [
    join(app.folder, '.relocate'),
    ...repositories,
    ...app.data.flatMap((item) => ownPaths(item, app.folder)),
  ];
  const inside = apart.filter((path) => isInside(path, code.path)).map(escapePattern);
  const own = code.exclude.map((pattern) =>
    pattern.startsWith('./') ? anchor(pattern, code.path) : pattern,
  );
  return { path: code.path, excludes: [...new Set([...own, ...inside])] };
}

/** The entry of `data` that captures the whole code folder already, if any. */
export function coveringData(path: string, folder: string, data: readonly DataItem[]): DataItem | undefined {
  return data.find(
    (item) =>
      item.kind === 'files' && dataPaths(item, folder).some((own) => own === path || isInside(path, own)),
  );
}

function ownPaths(item: DataItem, folder: string): string[] {
  const paths = dataPaths(item, folder);
  if (item.kind !== 'sqlite') return paths;
  return paths.flatMap((path) => [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]);
}

/** Sources of files on disk have one path among their options, or are a path. */
function dataPaths(item: DataItem, folder: string): string[] {
  if (item.kind !== 'files' && item.kind !== 'sqlite') return [];
  const { options } = item;
  const path: unknown =
    typeof options === 'object' && options !== null ? Reflect.get(options, 'path') : options;
  return typeof path === 'string' ? [resolve(folder, path)] : [];
}

/** Pure: below the folder, at any depth. */
export function isInside(path: string, folder: string): boolean {
  const steps = relative(folder, path);
  return steps !== '' && steps !== '..' && !steps.startsWith(`..${sep}`);
}

/** restic matches with Go's filepath.Match, where a backslash takes the meaning from the next character. */
function escapePattern(path: string): string {
  return path.replaceAll(/[\\*?[\]]/g, '\\$&');
}

function anchor(pattern: string, folder: string): string {
  return join(escapePattern(folder), pattern);
}
