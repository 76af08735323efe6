import { addEntry, addPath, type Findings, type StateKind } from './findings.ts';

const otherSchemes: Readonly<Record<string, { kind: StateKind; title: string }>> = {
  mysql: { kind: 'mysql', title: 'a MySQL database' },
  mysql2: { kind: 'mysql', title: 'a MySQL database' },
  mariadb: { kind: 'mysql', title: 'a MariaDB database' },
  mongodb: { kind: 'mongodb', title: 'a MongoDB database' },
  'mongodb+srv': { kind: 'mongodb', title: 'a MongoDB database' },
  redis: { kind: 'redis', title: 'a Redis server' },
  rediss: { kind: 'redis', title: 'a Redis server' },
  amqp: { kind: 'other', title: 'a message queue' },
  amqps: { kind: 'other', title: 'a message queue' },
  nats: { kind: 'other', title: 'a message queue' },
  sqlserver: { kind: 'other', title: 'an SQL Server database' },
  elasticsearch: { kind: 'other', title: 'a search index' },
  s3: { kind: 'objects', title: 'a bucket' },
  gs: { kind: 'objects', title: 'a bucket' },
};

const bucketName = /(^|_)(S3|BUCKET|SPACES|GCS|R2|MINIO|AZURE_STORAGE)(_|$)/;
const folderName = /(^|_)(UPLOADS?|MEDIA|STORAGE|DATA|FILES|ATTACHMENTS)_(DIR|PATH|ROOT|FOLDER)$/;

/** The kind of state that a variable leads to, told by its name and the scheme of its value; databases on disk aside. */
export function stateBehind(name: string, value: string): { kind: StateKind; title: string } | undefined {
  const scheme = schemeOf(value);
  if (scheme?.startsWith('postgres') === true) return { kind: 'postgres', title: 'a PostgreSQL database' };
  if (bucketName.test(name)) return { kind: 'objects', title: 'a bucket' };
  return scheme !== undefined && Object.hasOwn(otherSchemes, scheme) ? otherSchemes[scheme] : undefined;
}

function schemeOf(value: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(value)?.[1]?.toLowerCase();
}

/** Tells state by the variables of an env file. Values are looked at, never copied, but for paths. */
export function findInEnvironment(
  file: string,
  values: Readonly<Record<string, string>>,
  findings: Findings,
): void {
  const buckets: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const scheme = schemeOf(value);
    const sqlite = sqlitePath(value);
    if (scheme === 'postgres' || scheme === 'postgresql') addDatabase(file, name, findings);
    else if (scheme?.startsWith('postgres') === true || scheme === 'postgis')
      askForDialect(file, name, findings);
    else if (sqlite !== undefined) addSqlite(file, name, sqlite, findings);
    else if (bucketName.test(name)) buckets.push(name);
    else if (scheme !== undefined && Object.hasOwn(otherSchemes, scheme)) ask(file, name, scheme, findings);
    else if (folderName.test(name) && value !== '') addFolder(file, name, value, findings);
  }
  addFromParts(file, values, findings);
  if (buckets.length === 0) return;
  findings.seen.add('objects');
  findings.questions.push(
    `${buckets.join(', ')} in ${file}: objects in a bucket cannot be captured yet. What lies there, and how is it saved?`,
  );
}

function addDatabase(file: string, variable: string, findings: Findings): void {
  findings.seen.add('postgres');
  const name = variable.replace(/_?(DATABASE|DB|POSTGRES(QL)?|PG)?_?(URL|URI|DSN)$/, '');
  const entry = name === '' ? 'db' : `${name}-db`;
  addEntry(findings, {
    name: entry,
    kind: 'postgres',
    value: `\${${variable}}`,
    reason: `${variable} in ${file}`,
  });
}

function askForDialect(file: string, variable: string, findings: Findings): void {
  findings.seen.add('postgres');
  findings.questions.push(
    `${variable} in ${file} is a PostgreSQL address with a dialect. Give the same as postgres://… in a variable of its own.`,
  );
}

function ask(file: string, variable: string, scheme: string, findings: Findings): void {
  const { kind, title } = otherSchemes[scheme] ?? { kind: 'other', title: 'a server' };
  findings.seen.add(kind);
  findings.questions.push(
    `${variable} in ${file} is ${title}. relocate cannot capture that yet: is it needed, and how is it saved?`,
  );
}

/** `sqlite:///path` (three slashes: relative, as SQLAlchemy has it), Prisma's `file:./dev.db`, or just a path. */
function sqlitePath(value: string): string | undefined {
  const path = value.replace(/^(sqlite3?|file):(\/\/\/?(?=[^/]|\/))?/i, '').replace(/[?#].*$/, '');
  const isSqlite = /^sqlite3?:/i.test(value) || /\.(sqlite3?|db3?)$/i.test(path);
  const isPath =
    path !== '' && path !== ':memory:' && !/^[a-z][a-z0-9+.-]*:/i.test(path) && !/[\s@]/.test(path);
  return isSqlite && isPath ? path : undefined;
}

function addSqlite(file: string, variable: string, path: string, findings: Findings): void {
  addInside(findings, 'sqlite', path, `${variable} in ${file}`);
}

function addFolder(file: string, variable: string, path: string, findings: Findings): void {
  const name = variable.replace(/_(DIR|PATH|ROOT|FOLDER)$/, '');
  addInside(findings, 'files', path, `${variable} in ${file}`, name);
}

function addInside(
  findings: Findings,
  kind: 'files' | 'sqlite',
  given: string,
  reason: string,
  name?: string,
): void {
  const path = given.replace(/^(\.\/)+/, '').replace(/\/+$/, '');
  if (path === '' || path === '.' || path.split('/').includes('..') || path.startsWith('~')) {
    findings.questions.push(
      `the path of ${reason} leads out of this folder or is all of it. What is to be captured?`,
    );
    return;
  }
  addPath(findings, kind, path, reason, name);
}

/** libpq's own variables: https://www.postgresql.org/docs/current/libpq-envars.html */
function addFromParts(file: string, values: Readonly<Record<string, string>>, findings: Findings): void {
  if (
    values['PGHOST'] !== undefined &&
    values['PGDATABASE'] !== undefined &&
    !findings.seen.has('postgres')
  ) {
    findings.seen.add('postgres');
    const value = '${PGUSER:-postgres}:${PGPASSWORD:-}@${PGHOST}:${PGPORT:-5432}/${PGDATABASE}';
    addEntry(findings, {
      name: 'db',
      kind: 'postgres',
      value: `postgres://${value}`,
      reason: `PGHOST in ${file}`,
    });
  }
  for (const prefix of ['DB', 'DATABASE', 'MYSQL']) {
    if (values[`${prefix}_HOST`] === undefined) continue;
    findings.seen.add(prefix === 'MYSQL' ? 'mysql' : 'other');
    findings.questions.push(
      `${prefix}_HOST in ${file} names a database. If it is PostgreSQL, add it under data: postgres://… from the ${prefix}_ variables.`,
    );
  }
}
