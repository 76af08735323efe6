import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEngine, type TestEngine } from './docker.ts';
import { freePort } from './postgres.ts';

/** The guestbook as a Compose app, running on an engine of the test's own. */
export interface ComposeGuestbook {
  engine: TestEngine;
  /** For state folders and the like; removed at the end. */
  folder: string;
  /** Of relocate.yaml and compose.yaml. */
  appFolder: string;
  url: string;
  remove(): Promise<void>;
}

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const tree = join(root, '.tools/lab');

/** Programs of the lab's tree with the libraries that they load, by their paths. */
async function programs(...paths: string[]): Promise<Record<string, { copy: string }>> {
  const { stdout } = await run('chroot', [tree, 'ldd', ...paths]);
  const libraries = [...stdout.matchAll(/(\/lib\S+) \(/g)].map(([, path = '']) => path);
  return Object.fromEntries(
    [...paths, ...libraries].map((path) => [path.slice(1), { copy: join(tree, path) }]),
  );
}

const postgresFolder = '/usr/lib/postgresql/15';
/** As the image that people take: makes what is not there yet, below the folder that a volume is mounted at. */
const postgresEntry = `set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf '%s\\n' "$POSTGRES_PASSWORD" |
    initdb -D "$PGDATA" -U "$POSTGRES_USER" --no-sync --auth-local=trust --auth-host=scram-sha-256 --pwfile=/dev/stdin
  printf 'host all all all scram-sha-256\\n' >> "$PGDATA/pg_hba.conf"
  printf 'create database %s\\n' "$POSTGRES_USER" | postgres --single postgres
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=
`;

const copyAll = (names: readonly string[]) => names.map((name) => `COPY ${name} /${name}`);

/** Under the names of the images that people take from a registry, which no test may ask: the same, out of the tree. */
async function buildBases(engine: TestEngine): Promise<void> {
  const { stdout } = await run('ldd', [process.execPath]);
  const libraries = [...stdout.matchAll(/(\/\S+)/g)].map(([, path = '']) => path.slice(1));
  await engine.build(
    'node:24-slim',
    ['FROM scratch', ...copyAll(libraries), 'COPY node /usr/local/bin/node', ''].join('\n'),
    {
      node: { copy: process.execPath },
      ...Object.fromEntries(libraries.map((path) => [path, { copy: `/${path}` }])),
    },
  );

  const bin = `${postgresFolder}/bin`;
  const postgres = await programs(
    '/bin/sh',
    ...['postgres', 'initdb', 'pg_isready'].map((n) => `${bin}/${n}`),
  );
  const modules = await readdir(join(tree, postgresFolder, 'lib'));
  for (const name of modules.filter((one) => one.endsWith('.so') && !one.startsWith('llvm')))
    postgres[`${postgresFolder.slice(1)}/lib/${name}`] = { copy: join(tree, postgresFolder, 'lib', name) };
  postgres['usr/share/postgresql/15'] = { copy: join(tree, 'usr/share/postgresql/15') };
  const top = new Set(Object.keys(postgres).map((path) => path.split('/')[0] ?? ''));
  const empty = { 'empty/.keep': '' };
  await engine.build(
    'postgres:15',
    [
      'FROM scratch',
      ...copyAll([...top]),
      'COPY passwd /etc/passwd',
      'COPY entry.sh /entry.sh',
      'COPY --chown=999:999 empty /var/lib/postgresql/data',
      `ENV PATH=${bin}:/bin PGDATA=/var/lib/postgresql/data/cluster LC_ALL=C`,
      'USER 999:999',
      'STOPSIGNAL SIGINT',
      'CMD ["/bin/sh", "/entry.sh"]',
      '',
    ].join('\n'),
    {
      ...postgres,
      ...empty,
      passwd: 'root:x:0:0::/:/bin/sh\npostgres:x:999:999::/:/bin/sh\n',
      'entry.sh': postgresEntry,
    },
  );

  const redis = await programs('/usr/bin/redis-server', '/usr/bin/redis-cli');
  await engine.build(
    'redis:7',
    [
      'FROM scratch',
      ...copyAll([...new Set(Object.keys(redis).map((path) => path.split('/')[0] ?? ''))]),
      'COPY --chown=998:998 empty /data',
      'ENV PATH=/usr/bin',
      'USER 998:998',
      'WORKDIR /data',
      'CMD ["redis-server", "--protected-mode", "no"]',
      '',
    ].join('\n'),
    { ...redis, ...empty },
  );
}

/** The packages that one package needs, from where this project has them. */
async function copyPackages(name: string, target: string, done = new Set<string>()): Promise<void> {
  if (done.has(name)) return;
  done.add(name);
  const from = join(root, 'node_modules', name);
  await cp(from, join(target, name), { recursive: true });
  const text = await readFile(join(from, 'package.json'), 'utf8');
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  for (const one of Object.keys(dependencies)) await copyPackages(one, target, done);
}

/** Needs what `hasDocker` tells. */
export async function startComposeGuestbook(): Promise<ComposeGuestbook> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'relocate-guestbook-compose-')));
  const engine = await startEngine();
  const remove = async (): Promise<void> => {
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await buildBases(engine);
    for (const name of ['guestbook', 'guestbook-compose'])
      await cp(join(root, 'examples', name), join(folder, name), { recursive: true });
    await copyPackages('pg', join(folder, 'guestbook/node_modules'));
    const appFolder = join(folder, 'guestbook-compose');
    const port = await freePort();
    await writeFile(join(appFolder, '.env'), `DB_PASSWORD=open-sesame-4711\nWEB_PORT=${port}\n`);
    const compose = ['compose', '--project-directory', appFolder];
    await engine.docker(...compose, 'up', '--build', '--detach', '--wait', '--wait-timeout', '60');
    return { engine, folder, appFolder, url: `http://127.0.0.1:${port}`, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
