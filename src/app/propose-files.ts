import { basename, posix } from 'node:path';
import { addPath, type Findings, type StateKind } from './findings.ts';
import type { FolderFacts } from './folder-facts.ts';

const databases: readonly StateKind[] = ['postgres', 'mysql', 'sqlite'];
const stateFolders = new Set(['uploads', 'upload', 'storage', 'media', 'data', 'attachments', 'user-files']);
const databaseFile = /\.(sqlite3?|db3?)$/i;
const notTheApps = /(^|\/)(tests?|specs?|fixtures?|examples?|__tests__|cypress|seeds?)(\/|$)/i;
const noDatabase = /(^|\/)(thumbs\.db|.*\.(test|spec)\.(sqlite3?|db))$/i;

/** Files by which frameworks name their database. */
const frameworkFiles: Readonly<Record<string, { kind: StateKind; question: string }>> = {
  'wp-config.php': {
    kind: 'mysql',
    question:
      'WordPress keeps its posts in MySQL or MariaDB, which cannot be captured yet. How are they saved?',
  },
  'config/database.yml': {
    kind: 'other',
    question: 'it names the databases of the app. Add those that are PostgreSQL or SQLite under data.',
  },
};

/** What could not be looked at may hold anything. */
export function askForUnread({ unread, folderLinks }: FolderFacts, findings: Findings): void {
  for (const [path, reason] of Object.entries(unread)) {
    findings.questions.push(`${path} could not be looked at (${reason}): does it tell of state?`);
  }
  for (const [path, leadsTo] of Object.entries(folderLinks)) {
    findings.questions.push(
      `${path} is a link to ${leadsTo}. If that is state of the app, add it under data by its own path.`,
    );
  }
}

/** SQLite databases and folders of state, by their names. */
export function findInFiles({ files, directories }: FolderFacts, findings: Findings): void {
  for (const [path, { kind, question }] of Object.entries(frameworkFiles)) {
    if (!Object.hasOwn(files, path) || namesDatabase(findings, kind)) continue;
    findings.seen.add(kind);
    findings.questions.push(`${path}: ${question}`);
  }
  const databases = Object.keys(files).filter(
    (path) =>
      databaseFile.test(path) &&
      !noDatabase.test(path) &&
      !notTheApps.test(path) &&
      !isCovered(path, findings),
  );
  for (const path of databases) addPath(findings, 'sqlite', path, 'found by its name');
  const folders = directories
    .filter((path) => stateFolders.has(basename(path).toLowerCase()) && !notTheApps.test(path))
    .filter((path) => !isCovered(path, findings))
    .sort((a, b) => a.length - b.length);
  for (const path of folders) {
    if (!isCovered(path, findings)) addFolder(path, Object.keys(files), findings);
  }
}

/** A database in the folder is captured apart: the folder as a whole would hold a torn copy of it. */
function addFolder(path: string, files: readonly string[], findings: Findings): void {
  const holdsCovered = [...findings.covered].some((covered) => covered.startsWith(`${path}/`));
  if (!holdsCovered) {
    addPath(findings, 'files', path, 'found by its name; leave it out if it is code');
    return;
  }
  const others = files.filter((file) => file.startsWith(`${path}/`) && !isCovered(file, findings));
  const besides = others.filter((file) => !/-(wal|shm|journal)$/.test(file));
  if (besides.length > 0) {
    findings.questions.push(
      `folder ${path} holds what is captured apart, and other files (${besides.slice(0, 3).join(', ')}). They are ` +
        'captured with the code only: move them to a folder of their own if they are data.',
    );
  }
}

function namesDatabase({ seen }: Findings, kind: StateKind): boolean {
  return seen.has(kind) || (kind === 'other' && databases.some((one) => seen.has(one)));
}

function isCovered(path: string, findings: Findings): boolean {
  for (let at = path; at !== '.' && at !== '/'; at = posix.dirname(at)) {
    if (findings.covered.has(at)) return true;
  }
  return false;
}
