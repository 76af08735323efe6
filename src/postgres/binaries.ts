import { access, constants, readdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RelocateError } from '../errors.ts';

export type PostgresTool =
  'initdb' | 'postgres' | 'pg_dump' | 'pg_restore' | 'psql' | 'vacuumdb' | 'pg_controldata';

/** A folder of PostgreSQL programs. `version` as they print it, e.g. "15.18". */
export interface PostgresBinaries {
  folder: string;
  major: number;
  version: string;
}

export interface BinariesWanted {
  /** Programs of an older major version are of no use; undefined takes the newest there is. */
  atLeastMajor?: number | undefined;
  tools: readonly [PostgresTool, ...PostgresTool[]];
  /** Look here only. */
  folder?: string | undefined;
}

/**
 * Finds a folder that holds all the tools wanted: of the same major version where there is one, else of the lowest newer
 * one, because each newer version is a step further from what was captured. A folder named by the caller or by the
 * variable RELOCATE_POSTGRES_BIN is a decision: then nothing else is looked at. Throws `tool-missing`, or
 * `version-mismatch` where there are tools but only older ones.
 */
export async function findPostgres(
  wanted: BinariesWanted,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<PostgresBinaries> {
  const named = wanted.folder ?? environment['RELOCATE_POSTGRES_BIN'];
  const folders = named === undefined || named === '' ? await candidateFolders(environment) : [named];
  const found = await inspectFolders(folders, wanted.tools);
  const best = chooseBinaries(found, wanted.atLeastMajor);
  if (best !== undefined) return best;
  throw missing(wanted, found, named);
}

/** Pure: the same major version, else the lowest newer one; with no wish the newest. Earlier entries win a tie. */
export function chooseBinaries(
  found: readonly PostgresBinaries[],
  atLeastMajor: number | undefined,
): PostgresBinaries | undefined {
  if (atLeastMajor === undefined) return found.toSorted((a, b) => b.major - a.major)[0];
  return found.filter(({ major }) => major >= atLeastMajor).toSorted((a, b) => a.major - b.major)[0];
}

/** Pure: reads "pg_dump (PostgreSQL) 15.18 (Debian …)", also "17beta1"; undefined for anything else. */
export function parseToolVersion(output: string): { major: number; version: string } | undefined {
  const [, version, major] = /\(PostgreSQL\) ((\d+)\S*)/.exec(output) ?? [];
  if (version === undefined || major === undefined) return undefined;
  return { major: Number(major), version };
}

async function candidateFolders(environment: NodeJS.ProcessEnv): Promise<string[]> {
  const versioned = await Promise.all([
    foldersBelow(path.join(projectFolder(), '.tools', 'postgres'), 'bin'),
    foldersBelow('/usr/lib/postgresql', 'bin'),
    foldersBelow('/usr', 'bin', /^pgsql-/),
    foldersBelow('/opt/homebrew/opt', 'bin', /^(postgresql|libpq)/),
    foldersBelow('/usr/local/opt', 'bin', /^(postgresql|libpq)/),
  ]);
  // PATH comes last: Debian puts wrappers there that pick a version by rules of their own.
  const onPath = (environment['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder));
  return [...new Set([...versioned.flat(), ...onPath])];
}

async function foldersBelow(parent: string, child: string, pattern = /./): Promise<string[]> {
  const names = await readdir(parent).catch(() => []);
  return names.filter((name) => pattern.test(name)).map((name) => path.join(parent, name, child));
}

/** The nearest folder above this file that has a package.json: the same from src/ and from dist/. */
function projectFolder(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json')) && path.dirname(folder) !== folder) {
    folder = path.dirname(folder);
  }
  return folder;
}

async function inspectFolders(
  folders: readonly string[],
  tools: BinariesWanted['tools'],
): Promise<PostgresBinaries[]> {
  const inspected = await Promise.all(folders.map((folder) => inspectFolder(folder, tools)));
  return inspected.filter((binaries) => binaries !== undefined);
}

async function inspectFolder(
  folder: string,
  tools: BinariesWanted['tools'],
): Promise<PostgresBinaries | undefined> {
  const usable = await Promise.all(tools.map((tool) => isExecutable(path.join(folder, tool))));
  if (usable.includes(false)) return undefined;
  const { execa } = await import('execa');
  const result = await execa(path.join(folder, tools[0]), ['--version'], {
    reject: false,
    stdin: 'ignore',
    timeout: 10_000,
  });
  const version = parseToolVersion(result.stdout);
  return version === undefined ? undefined : { folder, ...version };
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function missing(
  wanted: BinariesWanted,
  found: readonly PostgresBinaries[],
  named: string | undefined,
): RelocateError {
  const names = wanted.tools.join(', ');
  const server = wanted.tools.some((tool) => tool === 'postgres' || tool === 'initdb');
  const suffix = wanted.atLeastMajor === undefined ? '' : `-${wanted.atLeastMajor}`;
  const hint =
    `Install PostgreSQL ${wanted.atLeastMajor ?? ''}${wanted.atLeastMajor === undefined ? '' : ' or newer '}` +
    `(Debian: apt-get install postgresql${server ? '' : '-client'}${suffix}; macOS: brew install postgresql), ` +
    'or name the folder of its programs in RELOCATE_POSTGRES_BIN. Nothing was changed.';
  const newest = chooseBinaries(found, undefined);
  const facts = { tools: names, atLeastMajor: wanted.atLeastMajor, folder: named, found: newest?.version };
  if (newest === undefined) {
    const where = named === undefined || named === '' ? 'on this machine' : `in ${named}`;
    return new RelocateError('tool-missing', `PostgreSQL's ${names} were not found ${where}.`, {
      facts,
      hint,
    });
  }
  return new RelocateError(
    'version-mismatch',
    `PostgreSQL ${wanted.atLeastMajor} needs ${names} of version ${wanted.atLeastMajor} or newer; ` +
      `the newest found is ${newest.version}.`,
    { facts, hint },
  );
}
