/** What `init` is told of a folder. Paths are relative to it, with slashes. */
export interface FolderFacts {
  /** The folder's own name. */
  name: string;
  /** Content of the files worth reading; undefined for the others, of which the name says enough. */
  files: Readonly<Record<string, string | undefined>>;
  directories: readonly string[];
  /** Symbolic links to folders, which are not entered, and where each leads. */
  folderLinks: Readonly<Record<string, string>>;
  /** What could not be looked at, and why not. */
  unread: Readonly<Record<string, string>>;
}

/** Files of these names, at any depth entered, are worth reading. */
export const filesWorthReading: readonly string[] = [
  'compose.yaml',
  'compose.yml',
  'docker-compose.yaml',
  'docker-compose.yml',
  'Procfile',
  'Dockerfile',
  '.env',
  '.env.example',
  '.env.sample',
  'package.json',
  'Gemfile',
  'requirements.txt',
  'pyproject.toml',
];

/** Folders that hold nothing of the app's own. */
export const foldersNotEntered: readonly string[] = [
  'node_modules',
  'vendor',
  'dist',
  'build',
  'coverage',
  'target',
  '__pycache__',
  'venv',
  '.venv',
  '.git',
  '.hg',
  '.svn',
  '.relocate',
  'backups',
];

/** Folders inside folders that are looked at. */
export const foldersDeep = 3;

/** A file that a person wrote is smaller; a larger one is not read. */
export const maxReadBytes = 1024 * 1024;

/** Files and folders looked at: a folder that holds more is no app's own. */
export const maxEntries = 20_000;
