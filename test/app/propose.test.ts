import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { App } from '../../src/app/app.ts';
import { readDotenv } from '../../src/app/dotenv.ts';
import type { FolderFacts } from '../../src/app/folder-facts.ts';
import { parseApp } from '../../src/app/parse.ts';
import type { Problem } from '../../src/app/problems.ts';
import { proposeApp } from '../../src/app/propose.ts';
import { readFolderFacts } from '../../src/cli/folder-facts.ts';
import { readSchemas } from '../../src/cli/schemas.ts';

const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));

function folderOf(given: Partial<FolderFacts>): FolderFacts {
  return { name: 'shop', files: {}, directories: [], folderLinks: {}, unread: {}, ...given };
}

/** What `snapshot` would read of the proposal, in the folder it was made for. */
async function read(yaml: string, { files }: FolderFacts): Promise<App> {
  return parseApp(yaml, {
    path: '/srv/app/relocate.yaml',
    folder: '/srv/app',
    environment: {},
    readFile: (path) => Promise.resolve(files[path.replace('/srv/app/', '')]),
    ...(await readSchemas()),
  });
}

async function propose(fixture: string): Promise<{ app: App; yaml: string; questions: string[] }> {
  const facts = await readFolderFacts(`${fixtures}/${fixture}`);
  const { yaml, questions } = proposeApp(facts);
  return { app: await read(yaml, facts), yaml, questions };
}

const dataOf = ({ data }: App) => data.map(({ name, kind, options }) => ({ name, kind, options }));
const database = (name: string, url: string) => ({ name, kind: 'postgres', options: { url, jobs: 2 } });

describe('what init proposes', () => {
  test.each(readdirSync(fixtures))(
    'for %s is valid, lists its questions and copies no secret',
    async (name) => {
      const { yaml, questions } = await propose(name);
      expect(yaml).not.toMatch(/fixture.ecret/);
      expect(yaml.split('\n').filter((line) => line.startsWith('# OPEN QUESTION: '))).toEqual(
        questions.map((question) => `# OPEN QUESTION: ${question}`),
      );
    },
  );

  test('keeps what was installed in the code folder: nothing installs it on the way back', async () => {
    const { app } = await propose('node-compose');
    expect(app.code?.excludes).toContain('.git');
    expect(app.code?.excludes).not.toContain('node_modules');
  });

  test('for a Rails app: its database, its storage, and questions on Redis and the bucket', async () => {
    const { app, questions } = await propose('rails');
    expect(app.services?.services.map(({ name }) => name)).toEqual(['web', 'worker']);
    expect(dataOf(app)).toEqual([
      database('db', 'postgres://rails:fixture-secret-1@db.example.com:5432/rails'),
      { name: 'storage', kind: 'files', options: './storage' },
    ]);
    expect(questions).toEqual([
      expect.stringContaining('REDIS_URL in .env is a Redis server'),
      expect.stringContaining('S3_BUCKET in .env'),
    ]);
  });

  test('for a Compose app: its own Postgres, its uploads, its volumes, and questions on what nobody mounts and a foreign database', async () => {
    const { app, questions } = await propose('node-compose');
    expect(app).toMatchObject({ name: 'photo-shop', services: { kind: 'compose' } });
    expect(dataOf(app).map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'files uploads',
      'volume thumbnails',
      'postgres db',
      'volume redis',
    ]);
    expect(app.checks[0]).toMatchObject({ kind: 'http', service: 'web' });
    const asked = questions.join('\n');
    expect(asked).toMatch(/forgotten/);
    expect(app.data.find(({ name }) => name === 'redis')?.hooks).toEqual({
      before: 'docker compose exec -T cache redis-cli -e save',
    });
    expect(asked).toMatch(/REPORTS_URL of service web/);
  });

  test('for WordPress: its files, and a question on the database that cannot be captured', async () => {
    const { app, questions } = await propose('wordpress');
    expect(dataOf(app)).toEqual([{ name: 'wp-content', kind: 'files', options: './wp-content' }]);
    expect(questions).toEqual([
      expect.stringMatching(/service db \(MySQL or MariaDB\) keeps data in \.\/mysql-data/),
    ]);
  });

  test('for an env file alone: every address in it becomes data or a question', async () => {
    const { app, questions } = await propose('env-only');
    expect(dataOf(app)).toEqual([
      database('orders-db', 'postgresql://orders:fixture-secret-7@127.0.0.1/orders'),
      database('db', 'postgres://main:fixture-secret-8@127.0.0.1/main'),
      { name: 'cache', kind: 'sqlite', options: './var/cache.db' },
      { name: 'uploads', kind: 'files', options: './var/uploads' },
    ]);
    const asked = questions.join('\n');
    for (const name of ['MONGO_URL', 'ALCHEMY_URL', 'STORAGE_PATH', 'QUEUE_URL'])
      expect(asked).toContain(name);
  });

  test('for SQLite: the database apart from the folder it lies in, and no test database', async () => {
    const { app } = await propose('sqlite-app');
    expect(dataOf(app)).toEqual([{ name: 'app', kind: 'sqlite', options: './data/app.sqlite3' }]);
  });

  test('for a folder of several apps: a question for each of them', async () => {
    const asked = (await propose('monorepo')).questions.join('\n');
    expect(asked).toContain('apps/api/Procfile');
    expect(asked).toContain('apps/api/package.json has mongoose');
  });

  test('for a Compose file of databases beside a Procfile: the Procfile runs the app', async () => {
    const { app, questions } = await propose('compose-postgres-only');
    expect(app.services?.kind).toBe('procfile');
    expect(dataOf(app).map(({ kind }) => kind)).toEqual(['postgres']);
    expect(questions.join('\n')).toMatch(/include: other\.yaml/);
  });

  test('for a Dockerfile: how it is started and what its volumes hold is asked', () => {
    const files = {
      Dockerfile: 'FROM node:24\nVOLUME ["/data", \\\n  "/media"]\nvolume /logs\nCMD node .\n',
    };
    const asked = proposeApp(folderOf({ files })).questions.join('\n');
    expect(asked).toContain('volume /data, /media, /logs');
    expect(asked).toContain('There is a Dockerfile');
  });

  test.each<[string, Partial<FolderFacts>, RegExp]>([
    [
      'WordPress without Compose',
      { files: { 'wp-config.php': undefined } },
      /wp-config\.php: WordPress keeps/,
    ],
    ['Rails without .env', { files: { 'config/database.yml': undefined } }, /config\/database\.yml/],
    [
      'Python',
      { files: { 'pyproject.toml': 'dependencies = ["psycopg[binary]>=3", "redis"]' } },
      /psycopg[^]*redis/,
    ],
    ['Poetry', { files: { 'pyproject.toml': 'asyncpg = "^0.30"' } }, /asyncpg/],
    ['pip', { files: { 'requirements.txt': 'flask\npymongo >= 4 # why\n' } }, /pymongo/],
    ['Node', { files: { 'package.json': '{"dependencies":{"mysql2":"3"}}' } }, /mysql2/],
    ['a broken package.json', { files: { 'package.json': '{' } }, /no valid JSON/],
    [
      'a broken Compose file',
      { files: { 'compose.yaml': 'services: [' } },
      /cannot be read as a Compose file/,
    ],
    ['a broken Procfile', { files: { Procfile: '?' } }, /Procfile has lines that cannot be read/],
    [
      'a link to a folder',
      { folderLinks: { uploads: '/mnt/uploads' } },
      /uploads is a link to \/mnt\/uploads/,
    ],
    [
      'what could not be read',
      { unread: { 'compose.yaml': 'EACCES' } },
      /compose\.yaml could not be looked at/,
    ],
  ])('asks for state that %s tells of', async (_title, given, question) => {
    const facts = folderOf(given);
    const { yaml, questions } = proposeApp(facts);
    expect(questions.join('\n')).toMatch(question);
    await expect(read(yaml, facts)).resolves.toMatchObject({ name: 'shop' });
  });
});

describe('what init proposes for a hostile folder', () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      'a: b',
      '# x',
      '"',
      "'",
      '${A}',
      '$',
      '- ',
      '\u2028',
      '\uD800',
      '..',
      '{}',
      'null',
      '%',
      '*a',
      '&a',
    ),
  );

  test('is valid whatever its files and folders are called', async () => {
    const facts = fc.record({
      name: nasty,
      folders: fc.array(nasty, { maxLength: 5 }),
      leadsTo: nasty,
    });
    await fc.assert(
      fc.asyncProperty(facts, async ({ name, folders, leadsTo }) => {
        const given = folderOf({
          name,
          files: Object.fromEntries(folders.map((folder) => [`${folder}/${folder}.sqlite`, undefined])),
          directories: folders.map((folder) => `${folder}/uploads`),
          folderLinks: { [leadsTo]: leadsTo },
          unread: { [leadsTo]: leadsTo },
        });
        const { yaml } = proposeApp(given);
        const app = await read(yaml, given);
        expect(app.folder).toBe('/srv/app');
      }),
      { numRuns: 100 },
    );
  });

  test('names every folder of state that a path can name, and asks for the others', async () => {
    const path = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 20 })
      .filter((name) => !/[/\0]/.test(name));
    await fc.assert(
      fc.asyncProperty(path, async (name) => {
        const given = folderOf({ directories: [`x${name}/uploads`] });
        const { yaml, questions } = proposeApp(given);
        const { data } = await read(yaml, given);
        expect(data.length + questions.length).toBeGreaterThan(0);
        if (data[0] !== undefined) expect(data[0].options).toBe(`./x${name}/uploads`);
      }),
      { numRuns: 100 },
    );
  });

  test.each<[string, Record<string, string>]>([
    [
      'an env file of ten thousand databases',
      { '.env': lines(10_000, (n) => `A${n}_URL=postgres://h/${n}`) },
    ],
    ['an env file of blanks', { '.env': `A${' '.repeat(1_000_000)}x` }],
    ['requirements of empty lines', { 'requirements.txt': '\n'.repeat(1_000_000) }],
    ['requirements of blanks', { 'requirements.txt': `a${' '.repeat(1_000_000)}b` }],
    ['a Gemfile of empty lines', { Gemfile: '\n'.repeat(1_000_000) }],
    ['a Procfile of blanks', { Procfile: `web: a${' '.repeat(1_000_000)}b\u2028` }],
    [
      'a Compose file of braces',
      { 'compose.yaml': `services: { a: { volumes: ["${'${'.repeat(400_000)}"] } }` },
    ],
    ['a Compose file of aliases', { 'compose.yaml': bomb() }],
    ['a Compose file of brackets', { 'compose.yaml': '['.repeat(1_000_000) }],
    [
      'binaries',
      { '.env': '\0\x01', Procfile: '\0', 'package.json': '\0', 'compose.yaml': '\0', Gemfile: '\0' },
    ],
  ])('comes to an end and is small enough to be read: %s', async (_title, files) => {
    const { yaml, questions } = proposeApp(folderOf({ files }));
    expect(yaml.length).toBeLessThan(1024 * 1024);
    expect(questions.length).toBeLessThanOrEqual(501);
    // An env file that cannot be read is refused by itself, whatever is proposed.
    const isRead = problemsIn(files['.env'] ?? '') === 0;
    const readable = folderOf({ files: isRead ? files : { ...files, '.env': '' } });
    await expect(read(yaml, readable)).resolves.toMatchObject({ name: 'shop' });
  });
});

function problemsIn(env: string): number {
  const problems: Problem[] = [];
  readDotenv(env, () => undefined, problems);
  return problems.length;
}

function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('\n');
}

function bomb(): string {
  const levels = lines(12, (n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(10)}]`);
  return `a0: &a0 [x]\n${levels}\nservices: { web: { image: *a12 } }\n`;
}
