import { basename } from 'node:path';
import type { Findings, StateKind } from './findings.ts';
import type { FolderFacts } from './folder-facts.ts';

/** Libraries that an app has only when it keeps state of that kind. Names as in npm, RubyGems and PyPI. */
const libraries: Readonly<Record<string, StateKind>> = {
  pg: 'postgres',
  postgres: 'postgres',
  psycopg: 'postgres',
  psycopg2: 'postgres',
  'psycopg2-binary': 'postgres',
  asyncpg: 'postgres',
  mysql: 'mysql',
  mysql2: 'mysql',
  mysqlclient: 'mysql',
  pymysql: 'mysql',
  mariadb: 'mysql',
  mongodb: 'mongodb',
  mongoose: 'mongodb',
  mongoid: 'mongodb',
  pymongo: 'mongodb',
  redis: 'redis',
  ioredis: 'redis',
  bullmq: 'redis',
  sidekiq: 'redis',
  'better-sqlite3': 'sqlite',
  sqlite3: 'sqlite',
  multer: 'uploads',
  formidable: 'uploads',
  carrierwave: 'uploads',
  shrine: 'uploads',
  '@aws-sdk/client-s3': 'objects',
  'aws-sdk-s3': 'objects',
  boto3: 'objects',
  '@google-cloud/storage': 'objects',
  '@azure/storage-blob': 'objects',
};

const asks: Readonly<Record<StateKind, string>> = {
  postgres:
    'Which database does it use? Set DATABASE_URL, then add under data: db: { postgres: { url: "${DATABASE_URL}" } }',
  mysql: 'MySQL and MariaDB cannot be captured yet: is there a database, and how is it saved?',
  mongodb: 'MongoDB cannot be captured yet: is there a database, and how is it saved?',
  redis: 'Redis cannot be captured yet: does it hold more than a cache?',
  sqlite: 'Where is the database file? Add it under data: db: { sqlite: ./path }',
  uploads: 'Where do uploads go? Add the folder under data: uploads: { files: ./path }',
  objects: 'Objects in a bucket cannot be captured yet. What lies there, and how is it saved?',
  other: 'Does it keep state?',
};

/** Asks for what the app's libraries say it has and nothing else told of. */
export function findInPackages({ files }: FolderFacts, findings: Findings): void {
  const already = new Set(findings.seen);
  for (const [path, text] of Object.entries(files)) {
    if (basename(path) === 'package.json' && text !== undefined && packageJson(text) === undefined) {
      findings.questions.push(
        `${path} is no valid JSON, so its dependencies tell nothing. Is there a database?`,
      );
    }
    for (const library of text === undefined ? [] : librariesOf(path, text)) {
      const kind = Object.hasOwn(libraries, library) ? libraries[library] : undefined;
      if (kind === undefined || already.has(kind)) continue;
      findings.seen.add(kind);
      findings.questions.push(`${path} has ${library}. ${asks[kind]}`);
    }
  }
}

function librariesOf(path: string, text: string): string[] {
  const name = basename(path);
  if (name === 'package.json') return Object.keys(packageJson(text)?.dependencies ?? {});
  if (name === 'Gemfile') return matches(text, /^gem["']([\w-]+)["']/);
  if (name === 'requirements.txt') return matches(text, pythonName);
  return name === 'pyproject.toml' ? [...matches(text, pythonName), ...quotedWords(text)] : [];
}

/** `psycopg[binary]>=3`, and `psycopg = "^3"` as Poetry has it. */
const pythonName = /^([A-Za-z][\w.-]*)(?:[=<>~!;,[@]|$)/;

/** The first group where a line without its blanks matches. */
function matches(text: string, pattern: RegExp): string[] {
  return text
    .split(/\r?\n/)
    .flatMap((line) => pattern.exec(line.replaceAll(/\s+/g, ''))?.[1]?.toLowerCase() ?? []);
}

function quotedWords(text: string): string[] {
  return [...text.matchAll(/["']([A-Za-z][\w.-]*)/g)].flatMap(([, word]) => word?.toLowerCase() ?? []);
}

/** Undefined for what is no package.json; of one the parts that tell something. */
export function packageJson(
  text: string,
):
  { name: string | undefined; start: string | undefined; dependencies: Record<string, unknown> } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const name: unknown = property(value, 'name');
  const start: unknown = property(property(value, 'scripts'), 'start');
  return {
    name: typeof name === 'string' ? name : undefined,
    start: typeof start === 'string' ? start : undefined,
    dependencies: { ...Object(property(value, 'dependencies')) },
  };
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
