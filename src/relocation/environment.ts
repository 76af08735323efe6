import { isAbsolute, join, relative, resolve } from 'node:path';
import { moveDatabase, type DatabaseMove } from './environment-database.ts';
import type { EnvironmentChange } from './types.ts';

/** Pure: the app's environment as it must be at the new place. */

export interface Move {
  /** Absolute: what relative values refer to. */
  oldFolder: string;
  /** Where services run now; undefined for an app without code. */
  newFolder: string | undefined;
  databases: readonly DatabaseMove[];
  /** Absolute paths; the code folder is one of them. */
  paths: readonly PathMove[];
}

export interface PathMove {
  before: string;
  after: string;
}

type Environment = Readonly<Record<string, string>>;

/** The variable that tells a deployed app apart from its original. */
export const deploymentVariable = 'RELOCATE_DEPLOYMENT';

/** Only what refers to something that moved is changed. */
export function moveEnvironment(environment: Environment, move: Move): Record<string, string> {
  let moved: Record<string, string> = { ...environment };
  for (const database of move.databases) moved = moveDatabase(environment, moved, database);
  for (const [name, value] of Object.entries(moved)) moved[name] = moveValue(value, move);
  return moved;
}

/**
 * Variables that relocate.yaml took from outside the app's env files reach the app too, but only those that refer to
 * something that moved: others may be credentials that are none of the app's business.
 */
export function withMovedVariables(
  environment: Environment,
  variables: Environment,
  move: Move,
): Record<string, string> {
  const all = { ...variables, ...environment };
  const moved = moveEnvironment(all, move);
  const wanted = Object.entries(all).filter(
    ([name, value]) => environment[name] !== undefined || moved[name] !== value,
  );
  return Object.fromEntries(wanted);
}

function moveValue(value: string, move: Move): string {
  const absolute = moveAbsolutePaths(value, move.paths);
  return absolute === value ? moveRelativePath(value, move) : absolute;
}

/** Old paths anywhere in the value, alone or in a list or URL, but not as a part of another name. */
function moveAbsolutePaths(value: string, paths: readonly PathMove[]): string {
  const known = paths
    .filter(({ before }) => before !== '/')
    .toSorted((a, b) => b.before.length - a.before.length);
  if (!known.some(({ before }) => value.includes(before))) return value;
  const anyOf = known.map(({ before }) => before.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
  const pattern = new RegExp(`(?<![\\w.-])(?:${anyOf})(?![\\w.-])`, 'g');
  const after = new Map(known.map((path) => [path.before, path.after]));
  return value.replace(pattern, (before) => after.get(before) ?? before);
}

/** `./uploads`, `file:data/app.db`: left alone while it leads to the right place from the new folder as well. */
function moveRelativePath(value: string, { oldFolder, newFolder, paths }: Move): string {
  const [, scheme = '', path = ''] = /^((?:file|sqlite3?):(?:\/\/)?)?(.*)$/s.exec(value) ?? [];
  if (path === '' || isAbsolute(path) || path.includes('://')) return value;
  const before = resolve(oldFolder, path);
  const found = paths
    .filter((known) => isInside(before, known.before))
    .toSorted((a, b) => b.before.length - a.before.length)[0];
  // Any plain word is a path inside the code folder: only what was captured as data is surely meant as one.
  if (found === undefined || found.before === oldFolder) return value;
  const after = join(found.after, relative(found.before, before));
  return newFolder !== undefined && resolve(newFolder, path) === after ? value : `${scheme}${after}`;
}

export function isInside(path: string, folder: string): boolean {
  const steps = relative(folder, path);
  return steps === '' || (steps !== '..' && !steps.startsWith('../') && !isAbsolute(steps));
}

/** Pure: what is different, fit to be shown. */
export function environmentChanges(before: Environment, after: Environment): EnvironmentChange[] {
  return Object.entries(after)
    .filter(([name, value]) => before[name] !== value)
    .map(([name, value]) => {
      const old = before[name];
      return { name, before: old === undefined ? undefined : redact(name, old), after: redact(name, value) };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const secretName = /pass|pwd|secret|token|key|credential/i;

function redact(name: string, value: string): string {
  if (secretName.test(name)) return '***';
  return value
    .replaceAll(/(:\/\/[^\s:/@?]*):[^\s/]*@/g, '$1:***@')
    .replaceAll(/([?&;]\w*(?:pass|pwd|secret|token|key)\w*=)[^&;\s]*/gi, '$1***');
}
