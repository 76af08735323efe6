import { namePattern } from './schema.ts';

/** What `init` found in a folder, and what it could not tell. */
export interface Findings {
  entries: DataEntryFound[];
  questions: string[];
  /** Paths that one of the entries holds already, or that belong to a database. */
  covered: Set<string>;
  /** Kinds of state that were seen somewhere, whether an entry came of it or a question. */
  seen: Set<StateKind>;
}

export type StateKind =
  'postgres' | 'mysql' | 'mongodb' | 'redis' | 'sqlite' | 'objects' | 'uploads' | 'other';

export interface DataEntryFound {
  name: string;
  kind: 'postgres' | 'files' | 'sqlite' | 'volume';
  /** A URL or path, fit for relocate.yaml: variables in `${}`, never a secret. */
  value: string;
  /** Where it was found. */
  reason: string;
  /** What makes its service hold still. */
  hooks?: { before: string; after?: string };
}

export function noFindings(): Findings {
  return { entries: [], questions: [], covered: new Set(), seen: new Set() };
}

/** More than any app has: a file of thousands of entries could not be read by a person, nor by `snapshot`. */
const maxEntriesFound = 200;

export function addEntry(findings: Findings, entry: DataEntryFound): void {
  if (findings.entries.some(({ kind, value }) => kind === entry.kind && value === entry.value)) return;
  if (findings.entries.length >= maxEntriesFound) {
    findings.questions.push(
      `${entry.value} (${entry.reason}): is it to be captured? There was no room for it under data.`,
    );
    return;
  }
  const taken = new Set(findings.entries.map(({ name }) => name));
  let name = toName(entry.name, 'data');
  for (let count = 2; taken.has(name); count++) name = `${toName(entry.name, 'data').slice(0, 58)}-${count}`;
  findings.entries.push({ ...entry, name });
}

/** A path inside the app's folder: an entry where relocate.yaml can name it, else a question. */
export function addPath(
  findings: Findings,
  kind: 'files' | 'sqlite',
  path: string,
  reason: string,
  name = path
    .replace(/\.[^./]+$/, '')
    .split('/')
    .at(-1) ?? path,
): void {
  if (findings.covered.has(path)) return;
  findings.covered.add(path);
  findings.seen.add(kind === 'files' ? 'uploads' : 'sqlite');
  // oxlint-disable-next-line no-control-regex -- what relocate.yaml refuses in a path
  if (/[\0-\x1f\x7f-\x9f\uFFFD]/.test(path) || !path.isWellFormed()) {
    findings.questions.push(`${printable(path)}: is it to be captured? Its name does not fit in this file.`);
    return;
  }
  const value = path.startsWith('/') ? path : `./${path}`;
  addEntry(findings, { name, kind, value: value.replaceAll('$', '$$$$'), reason });
}

/** A name as relocate.yaml takes it. */
export function toName(text: string, fallback: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '');
  return namePattern.test(name) ? name : fallback;
}

/** One line that a comment can hold and a terminal can show. */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029\uFFFD]/gu, '?')
    .slice(0, 300);
}
