import { posix } from 'node:path';
import { type ComposeFile, type ComposeMount, type ComposeService, readCompose } from './compose.ts';
import { addEntry, addPath, type Findings, type StateKind } from './findings.ts';
import { stateBehind } from './propose-environment.ts';

interface StatefulImage {
  /** Of the image's name without registry and tag. */
  pattern: RegExp;
  kind: StateKind;
  title: string;
}

/** Images whose containers keep state. Caches that keep none (memcached) are not among them. */
const statefulImages: readonly StatefulImage[] = [
  {
    pattern: /(^|\/)(postgres|postgresql|postgis|pgvector|timescaledb(-ha)?)$/,
    kind: 'postgres',
    title: 'PostgreSQL',
  },
  { pattern: /(^|\/)(mysql|mariadb|percona)(-server)?$/, kind: 'mysql', title: 'MySQL or MariaDB' },
  { pattern: /(^|\/)mongo(db)?$/, kind: 'mongodb', title: 'MongoDB' },
  { pattern: /(^|\/)(redis|redis-stack(-server)?|valkey|keydb|dragonfly)$/, kind: 'redis', title: 'Redis' },
  {
    pattern: /(^|\/)(minio|seaweedfs|garage|localstack|azurite)$/,
    kind: 'objects',
    title: 'an object store',
  },
  {
    pattern:
      /(^|\/)(elasticsearch|opensearch|clickhouse(-server)?|cassandra|scylla|couchdb|couchbase|influxdb|neo4j|meilisearch|typesense|solr|qdrant|weaviate|rabbitmq|nats|kafka|etcd|consul|vault|mssql\/server|cockroach|surrealdb|arangodb|rethinkdb)$/,
    kind: 'other',
    title: 'a database or queue',
  },
];

/** Compose variables are left as `${NAME}`: what they stand for may be a secret. */
export function readUnexpanded(text: string): ComposeFile | undefined {
  return readCompose(text, (name) => `\${${name}}`, []);
}

/** Databases by their images first, then what else is mounted and not one of theirs. */
export function findInCompose(
  file: string,
  compose: ComposeFile,
  known: ReadonlySet<string>,
  findings: Findings,
): void {
  for (const what of compose.unread) {
    findings.questions.push(`${file}: ${what}. What runs there, and does it keep state?`);
  }
  const named = new Set<string>();
  const names = compose.services.map(({ name }) => name);
  for (const service of compose.services) {
    const image = statefulImage(service);
    const mounts = service.mounts.filter((mount) => mount.kind !== 'tmpfs');
    for (const mount of mounts) named.add(mount.source);
    if (image?.kind === 'postgres') addPostgres(service, known, findings);
    else if (image !== undefined) askForDatabase(service, image, mounts, findings);
    else for (const mount of mounts) addMount(file, service, mount, findings);
    if (image !== undefined) coverMounts(file, mounts, findings);
    else findInServiceEnvironment(file, service, names, findings);
  }
  for (const volume of compose.volumes.filter((volume) => !named.has(volume))) {
    findings.questions.push(
      `volume ${volume} of ${file}: no service mounts it. Does it hold anything still needed?`,
    );
  }
}

/** True when all services are databases and the like: then something else runs the app. */
export function holdsDatabasesOnly(compose: ComposeFile): boolean {
  return compose.services.every((service) => statefulImage(service) !== undefined);
}

/** The service that most likely answers HTTP: the first one that publishes a port and is no database. */
export function webService(compose: ComposeFile): string | undefined {
  return compose.services.find((service) => service.ports.length > 0 && statefulImage(service) === undefined)
    ?.name;
}

function statefulImage(service: ComposeService): StatefulImage | undefined {
  const name = service.image
    ?.toLowerCase()
    .replace(/@.*$/, '')
    .replace(/:[^/]*$/, '');
  return name === undefined ? undefined : statefulImages.find(({ pattern }) => pattern.test(name));
}

function addPostgres(service: ComposeService, known: ReadonlySet<string>, findings: Findings): void {
  findings.seen.add('postgres');
  const port = service.ports.map(publishedPort).find((port) => port !== undefined);
  if (port === undefined) {
    findings.questions.push(
      `service ${service.name} (PostgreSQL) publishes no port, so relocate cannot reach it from outside of Compose. ` +
        `Publish one on 127.0.0.1, then check the address below.`,
    );
  }
  const user = reference(service, 'POSTGRES_USER', 'postgres', known);
  const database = reference(service, 'POSTGRES_DB', user, known);
  const password = passwordReference(service, known, findings);
  const address = `${user}${password}@localhost:${port ?? '5432'}/${database}`;
  addEntry(findings, {
    name: service.name,
    kind: 'postgres',
    value: `postgres://${address}`,
    reason: `service ${service.name}, from its POSTGRES_ variables; the password must be percent-encoded`,
  });
}

/** A simple literal is copied, for names are no secrets; of a variable only its name is. */
function reference(
  service: ComposeService,
  key: string,
  fallback: string,
  known: ReadonlySet<string>,
): string {
  const written = service.environment[key] ?? (known.has(key) ? `\${${key}}` : '');
  if (/^[A-Za-z0-9_-]+$/.test(written)) return written;
  const variable = /^\$\{(\w+)\}$/.exec(written)?.[1];
  return variable === undefined ? fallback : withDefault(variable, fallback, known);
}

function passwordReference(service: ComposeService, known: ReadonlySet<string>, findings: Findings): string {
  const written = service.environment['POSTGRES_PASSWORD'] ?? '';
  const variable = /^\$\{(\w+)\}$/.exec(written)?.[1] ?? 'POSTGRES_PASSWORD';
  if (known.has(variable)) return `:\${${variable}}`;
  findings.questions.push(
    `the password of service ${service.name}: set ${variable} in .env or in the environment of relocate. It is not copied here.`,
  );
  return `:\${${variable}:-}`;
}

function withDefault(variable: string, fallback: string, known: ReadonlySet<string>): string {
  return known.has(variable) ? `\${${variable}}` : `\${${variable}:-${fallback}}`;
}

/** The host's side of `[address:]host:container[/protocol]`. */
function publishedPort(port: string): string | undefined {
  return /^(?:[\d.]+:|\[[^\]]*\]:)?(\d+):\d+(?:\/tcp)?$/.exec(port)?.[1];
}

function askForDatabase(
  service: ComposeService,
  image: StatefulImage,
  mounts: readonly ComposeMount[],
  findings: Findings,
): void {
  findings.seen.add(image.kind);
  const volumes = mounts.filter(({ kind, source }) => kind === 'volume' && isPlainName(source));
  for (const { source, target } of volumes) {
    addEntry(findings, {
      name: source,
      kind: 'volume',
      value: source,
      reason: `${target} of service ${service.name} (${image.title}), which holds still meanwhile`,
      ...(isPlainName(service.name) ? { hooks: holdStill(service.name, image) } : {}),
    });
  }
  if (volumes.length > 0) return;
  const where = mounts.map(({ source, target }) => source || target).join(', ');
  const kept = where === '' ? 'in its container' : `in ${where}`;
  findings.questions.push(
    `service ${service.name} (${image.title}) keeps data ${kept}. relocate cannot capture that yet: is it needed, and how is it saved?`,
  );
}

const isPlainName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name);

/**
 * Redis writes its whole memory down when it is told to. Others are paused: their files are then as after a power cut,
 * which databases recover from.
 */
function holdStill(service: string, { kind }: StatefulImage): { before: string; after?: string } {
  return kind === 'redis'
    ? { before: `docker compose exec -T ${service} redis-cli -e save` }
    : { before: `docker compose pause ${service}`, after: `docker compose unpause ${service}` };
}

function coverMounts(file: string, mounts: readonly ComposeMount[], findings: Findings): void {
  for (const mount of mounts.filter(({ kind }) => kind === 'bind')) {
    const path = insidePath(file, mount.source);
    if (path !== undefined) findings.covered.add(path);
  }
}

/** State that a service has elsewhere: what leads to a service of the same file is told by that one's image. */
function findInServiceEnvironment(
  file: string,
  service: ComposeService,
  names: readonly string[],
  findings: Findings,
): void {
  for (const [variable, value = ''] of Object.entries(service.environment)) {
    const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/]*@)?([\w.-]+)/i.exec(value)?.[1];
    const state = stateBehind(variable, value);
    if (state === undefined || (host !== undefined && names.includes(host))) continue;
    findings.seen.add(state.kind);
    findings.questions.push(
      `${variable} of service ${service.name} in ${file} is ${state.title} elsewhere. Is it state of the app, and how is it saved?`,
    );
  }
}

const systemPath = /^\/(var\/run|run|dev|proc|sys|tmp)(\/|$)|^\/etc\/(localtime|timezone)$/;
const codeLike = /\.(conf|cnf|ini|ya?ml|json|toml|sql|sh|crt|pem|key|template|env|js|ts|py|rb|php)$/;

function addMount(file: string, service: ComposeService, mount: ComposeMount, findings: Findings): void {
  const where = `${mount.source || 'an unnamed volume'} at ${mount.target} of service ${service.name}`;
  if (mount.readOnly || mount.target.endsWith('/node_modules')) return;
  if (mount.kind === 'volume' && isPlainName(mount.source)) {
    findings.seen.add('uploads');
    const reason = `mounted at ${mount.target} of service ${service.name}`;
    addEntry(findings, { name: mount.source, kind: 'volume', value: mount.source, reason });
    return;
  }
  if (mount.kind !== 'bind') {
    findings.seen.add('other');
    findings.questions.push(
      `volume ${where}: what does it hold? Only a volume that the Compose file names can be captured, or a folder.`,
    );
    return;
  }
  if (systemPath.test(mount.source)) return;
  const path = insidePath(file, mount.source);
  if (path === undefined)
    findings.questions.push(`${where}: lies outside of this folder. Is it state of the app?`);
  else if (path !== '.' && !codeLike.test(path) && !/^(src|app|lib|public|config|templates)$/.test(path)) {
    addPath(findings, 'files', path, `mounted at ${mount.target} of service ${service.name}`);
  }
}

/** A bind mount's path relative to the app's folder; undefined when it is outside or cannot be told. */
function insidePath(file: string, source: string): string | undefined {
  if (/^[/~$]/.test(source)) return undefined;
  const path = posix.join(posix.dirname(file), source).replace(/\/$/, '');
  return path === '..' || path.startsWith('../') ? undefined : path;
}
