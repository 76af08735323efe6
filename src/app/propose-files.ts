import { basename, posix } from 'node:path';
import { addPath, type Findings } from './findings.ts';
import type { FolderFacts } from './folder-facts.ts';

const stateFolders = new Set(['uploads', 'upload', 'storage', 'media', 'data', 'attachments', 'user-files']);
const databaseFile = /\.(sqlite3?|db3?)$/i;
const notTheApps = /(^|\/)(tests?|specs?|fixtures?|examples?|__tests__|cypress|seeds?)(\/|$)/i;
const noDatabase = /(^|\/)(thumbs\.db|.*\.(test|spec)\.(sqlite3?|db))$/i;

/** SQLite databases and folders of state, by their names. */
export function findInFiles({ files, directories }: FolderFacts, findings: Findings): void {
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

function isCovered(path: string, findings: Findings): boolean {
  for (let at = path; at !== '.' && at !== '/'; at = posix.dirname(at)) {
    if (findings.covered.has(at)) return true;
  }
  return false;
}
