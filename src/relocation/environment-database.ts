/** Pure: variables that lead to a PostgreSQL database, as URLs or in parts. */

/** `port` is text, because a plan shows `<port of db>` where it is not known yet. */
export interface DatabasePlace {
  host: string;
  port: string;
  user: string;
  password: string;
  database: string;
}

export interface DatabaseMove {
  name: string;
  before: DatabasePlace;
  after: DatabasePlace;
}

type Environment = Readonly<Record<string, string>>;

/** `original` decides what refers to the old database; changes go into a copy of `moved`. */
export function moveDatabase(
  original: Environment,
  moved: Environment,
  move: DatabaseMove,
): Record<string, string> {
  const result = { ...moved };
  for (const [name, value] of Object.entries(original)) {
    const changed = moveUrls(value, move);
    if (changed !== value) result[name] = changed;
  }
  for (const group of partGroups(original)) {
    if (leadsTo(group, original, move.before)) Object.assign(result, movedParts(group, move.after));
  }
  return result;
}

/** Does any variable lead there? If not, nobody can tell the app of its new place. */
export function mentionsDatabase(environment: Environment, move: DatabaseMove): boolean {
  const moved = moveDatabase(environment, environment, move);
  return Object.entries(moved).some(([name, value]) => environment[name] !== value);
}

// jdbc:postgresql://…, postgres://…, postgresql+psycopg2://…
const urlPattern =
  /(?<scheme>(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?:\/\/)(?:(?<user>[^\s:/@?#]*)(?::(?<password>[^\s@]*))?@)?(?<host>\[[^\]]*\]|[^\s:/?#,]*)(?::(?<port>\d+))?\/(?<database>[^\s?#"'&]*)(?<query>\?[^\s#"']*)?/g;

function moveUrls(value: string, { before, after }: DatabaseMove): string {
  return value.replaceAll(urlPattern, (...parts) => {
    const [whole] = parts;
    const { scheme = '', user, password, host = '', port, database = '', query = '' } = namedGroups(parts);
    if (!isSameHost(host, before.host) || (port ?? '5432') !== before.port) return whole;
    if (decode(database) !== before.database) return whole;
    const login =
      user === undefined
        ? ''
        : `${encodeURIComponent(after.user)}${password === undefined ? '' : `:${encodeURIComponent(after.password)}`}@`;
    return `${scheme}${login}${after.host}:${after.port}/${encodeURIComponent(after.database)}${moveQuery(query, after)}`;
  });
}

function namedGroups(parts: readonly unknown[]): Partial<Record<string, string>> {
  const groups = parts.at(-1);
  return typeof groups === 'object' && groups !== null ? { ...groups } : {};
}

// What belongs to the old server: its certificates, its pooler.
const ofOldServer =
  /^(host|hostaddr|port|dbname|ssl\w*|channel_binding|gssencmode|pgbouncer|target_session_attrs)$/;

function moveQuery(query: string, after: DatabasePlace): string {
  const kept = query
    .slice(1)
    .split('&')
    .filter((parameter) => parameter !== '' && !ofOldServer.test(parameter.split('=')[0] ?? ''))
    .map((parameter) => {
      const [name] = parameter.split('=');
      if (name === 'user') return `user=${encodeURIComponent(after.user)}`;
      return name === 'password' ? `password=${encodeURIComponent(after.password)}` : parameter;
    });
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

interface PartGroup {
  host?: string;
  port?: string;
  user?: string;
  password?: string;
  database?: string;
  /** `PG` has names that libpq fixes, so parts that are missing can be added. */
  prefix: string;
}

const partNames: Readonly<Record<string, Exclude<keyof PartGroup, 'prefix'>>> = {
  HOST: 'host',
  HOSTNAME: 'host',
  PORT: 'port',
  USER: 'user',
  USERNAME: 'user',
  PASSWORD: 'password',
  PASS: 'password',
  DATABASE: 'database',
  DBNAME: 'database',
  NAME: 'database',
  DB: 'database',
};

/** PGHOST, PGPORT, …; DB_HOST, DB_NAME, …; POSTGRES_HOST, …: names that begin alike. */
function partGroups(environment: Environment): PartGroup[] {
  const groups = new Map<string, PartGroup>();
  for (const name of Object.keys(environment)) {
    const [, prefix, suffix] = /^(PG|\w*?_)([A-Z]+)$/.exec(name) ?? [];
    const part = suffix === undefined ? undefined : partNames[suffix];
    if (prefix === undefined || part === undefined) continue;
    const group = groups.get(prefix) ?? { prefix };
    group[part] ??= name;
    groups.set(prefix, group);
  }
  return [...groups.values()];
}

/** Names alone prove nothing (REDIS_HOST): host and database must be the old ones, and nothing may speak against it. */
function leadsTo(group: PartGroup, environment: Environment, before: DatabasePlace): boolean {
  const valueOf = (name: string | undefined) => (name === undefined ? undefined : environment[name]);
  const [host, port, user, database] = [group.host, group.port, group.user, group.database].map(valueOf);
  if (port !== undefined && port !== before.port) return false;
  if (group.prefix === 'PG') {
    if (!isSameHost(host ?? 'localhost', before.host)) return false;
    return (database ?? user ?? before.database) === before.database;
  }
  return host !== undefined && isSameHost(host, before.host) && database === before.database;
}

function movedParts(group: PartGroup, after: DatabasePlace): Record<string, string> {
  const isLibpq = group.prefix === 'PG';
  const added = (name: string) => (isLibpq ? `PG${name}` : undefined);
  const names = {
    host: group.host ?? added('HOST'),
    // Without it the app takes 5432, which is never right beside another server.
    port: group.port ?? `${group.prefix}PORT`,
    user: group.user ?? added('USER'),
    password: group.password ?? added('PASSWORD'),
    database: group.database ?? added('DATABASE'),
  };
  const entries = [
    [names.host, after.host],
    [names.port, after.port],
    [names.user, after.user],
    [names.password, after.password],
    [names.database, after.database],
  ] as const;
  return Object.fromEntries(entries.flatMap(([name, value]) => (name === undefined ? [] : [[name, value]])));
}

const thisMachine = new Set(['localhost', '127.0.0.1', '::1', '[::1]', '']);

function isSameHost(a: string, b: string): boolean {
  if (thisMachine.has(a) || a.startsWith('/')) return thisMachine.has(b) || b.startsWith('/');
  return a.toLowerCase() === b.toLowerCase();
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
