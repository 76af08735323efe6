import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse as parseYaml } from 'yaml';
import { appSchema } from '../../src/app/schema.ts';
import { jsonSchemaText, readSchemas } from '../../src/cli/schemas.ts';

const { sources, targets } = await readSchemas();
const zod = appSchema(sources, targets);
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, validateFormats: false });
const text = await jsonSchemaText();
const editor = ajv.compile(JSON.parse(text) as object);

const whole = () => ({
  app: 'guestbook',
  services: 'Procfile',
  code: { path: '.', exclude: ['node_modules'] },
  env: ['.env', 'more.env'],
  data: {
    db: { postgres: { url: 'postgres://h/d', jobs: 4 }, floor: { size: '1MiB', items: 1 } },
    uploads: {
      files: { path: './uploads', exclude: ['*.tmp'] },
      hooks: { before: 'a', after: 'b', timeout: '30s' },
    },
    visits: { sqlite: './visits.sqlite' },
  },
  repositories: ['file:./backups'],
  targets: ['local', { local: { folder: '/srv', portRange: { from: 20_000, to: 29_999 } } }],
  checks: [
    { http: { path: '/healthz', status: 200, service: 'web', contains: 'ok', timeout: '5s' } },
    { tcp: { port: 25, service: 'mail' } },
    { sql: { data: 'db', query: 'select 1', atLeast: 1, equals: '1' } },
    { command: { run: 'true' } },
  ],
  objectives: { rto: '1h30m', rpo: '2d' },
});

test('relocate.schema.json is that of the program; after a change of options: npm run schema', async () => {
  expect(await readFile('relocate.schema.json', 'utf8')).toBe(text);
});

test.each(['examples/guestbook/relocate.yaml', 'test/fixtures/notes-app/relocate.yaml'])(
  'an editor finds nothing wrong with %s',
  async (path) => {
    editor(parseYaml(await readFile(path, 'utf8')));
    expect(editor.errors).toBeNull();
  },
);

describe('an editor', () => {
  test('takes variables where texts, numbers, sizes and durations are wanted', () => {
    const value = whole();
    Object.assign(value.data.db.postgres, { url: '${DATABASE_URL}', jobs: '${JOBS}' });
    Object.assign(value.data.db.floor, { size: '${SIZE}', items: '${ITEMS}' });
    Object.assign(value, { app: '${NAME:-guestbook}', objectives: { rto: '${RTO}' } });
    Object.assign(value.targets, [{ local: { postgres: { server: 'postgres://${USER}@h' } } }]);
    editor(value);
    expect(editor.errors).toBeNull();
  });

  test.each<[string, (value: ReturnType<typeof whole>) => object]>([
    ['no name', (value) => ({ ...value, app: undefined })],
    ['a name with capitals', (value) => ({ ...value, app: 'Guestbook' })],
    ['an unknown key', (value) => ({ ...value, servces: 'Procfile' })],
    ['a home folder nobody expands', (value) => ({ ...value, services: '~/Procfile' })],
    ['code: true', (value) => ({ ...value, code: true })],
    ['code without its path', (value) => ({ ...value, code: { exclude: [] } })],
    ['data as a list', (value) => ({ ...value, data: [] })],
    ['an unknown source', (value) => ({ ...value, data: { media: { bucket: 's3://m' } } })],
    ['two sources in one', (value) => ({ ...value, data: { a: { files: 'a', sqlite: 'b' } } })],
    ['no source', (value) => ({ ...value, data: { a: { floor: { items: 1 } } } })],
    ['a variable as name under data', (value) => ({ ...value, data: { $NAME: { files: 'a' } } })],
    ['an unknown option of a source', (value) => ({ ...value, data: { a: { files: { path: 'a', b: 1 } } } })],
    ['a URL of another database', (value) => ({ ...value, data: { a: { postgres: { url: 'mysql://h' } } } })],
    [
      'no jobs at all',
      (value) => ({ ...value, data: { a: { postgres: { url: 'postgres://h', jobs: 0 } } } }),
    ],
    ['a size without unit', (value) => ({ ...value, data: { a: { files: 'a', floor: { size: 5 } } } })],
    ['half an item', (value) => ({ ...value, data: { a: { files: 'a', floor: { items: 0.5 } } } })],
    ['a hook that is none', (value) => ({ ...value, data: { a: { files: 'a', hooks: { during: 'x' } } } })],
    ['repositories as a map', (value) => ({ ...value, repositories: { a: 'file:b' } })],
    ['targets as a word', (value) => ({ ...value, targets: 'local' })],
    ['an unknown target', (value) => ({ ...value, targets: ['lcal'] })],
    ['an unknown target with options', (value) => ({ ...value, targets: [{ lcal: {} }] })],
    ['an unknown option of a target', (value) => ({ ...value, targets: [{ local: { foldr: '/x' } }] })],
    [
      'a port for root alone',
      (value) => ({ ...value, targets: [{ local: { portRange: { from: 1, to: 2 } } }] }),
    ],
    ['two checks in one', (value) => ({ ...value, checks: [{ tcp: {}, command: { run: 'a' } }] })],
    ['a check without path', (value) => ({ ...value, checks: [{ http: { status: 200 } }] })],
    ['a path without slash', (value) => ({ ...value, checks: [{ http: { path: 'healthz' } }] })],
    ['no HTTP status', (value) => ({ ...value, checks: [{ http: { path: '/', status: 42 } }] })],
    ['a duration in words', (value) => ({ ...value, objectives: { rto: '1 hour' } })],
    ['a duration without unit', (value) => ({ ...value, objectives: { rto: 60 } })],
    ['an unknown objective', (value) => ({ ...value, objectives: { mttr: '1h' } })],
  ])('refuses what the program refuses: %s', (_title, change) => {
    const value = change(whole());
    expect(zod.safeParse(value).success).toBe(false);
    expect(editor(JSON.parse(JSON.stringify(value)))).toBe(false);
  });

  test('never marks what the program takes, whatever is put where', () => {
    expect(zod.safeParse(whole()).success).toBe(true);
    const change = fc.record({
      at: fc.nat(200),
      how: fc.constantFrom('remove', 'replace', 'rename', 'add'),
      by: odd,
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const value = changes.reduce<unknown>((changed, one) => mutate(changed, one), whole());
        const taken = zod.safeParse(value).success;
        return !taken || isLocalByDefault(value) || editor(value);
      }),
      { numRuns: 1_000 },
    );
  });
});

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    '',
    '.',
    'local',
    '1h',
    '10MiB',
    '/x',
    'file:b',
    0,
    1,
    200,
    -1,
    0.5,
    true,
    false,
    null,
    [],
    {},
  ),
  fc.constantFrom<unknown>({ files: 'a' }, { sqlite: { path: 'a' } }, ['a'], { path: '/a' }, { local: {} }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** `- local:` and `- local: true` are taken too, but not worth offering. */
function isLocalByDefault(value: unknown): boolean {
  return /"local":(true|null)/.test(JSON.stringify(value));
}

/** Changes the `at`-th part of a value (counted modulo all of them), parts counted depth first. */
function mutate(value: unknown, change: { at: number; how: string; by: unknown }): unknown {
  const copy = structuredClone(value);
  const slots: { holder: object; key: string }[] = [];
  const visit = (holder: unknown) => {
    if (typeof holder !== 'object' || holder === null) return;
    for (const [key, inner] of Object.entries(holder)) {
      slots.push({ holder, key });
      visit(inner);
    }
  };
  visit(copy);
  const slot = slots[change.at % Math.max(1, slots.length)];
  if (slot === undefined) return copy;
  const { holder, key } = slot;
  if (change.how === 'add')
    Reflect.set(holder, Array.isArray(holder) ? String(holder.length) : 'more', change.by);
  if (change.how === 'rename' && !Array.isArray(holder))
    Reflect.set(holder, `${key}x`, Reflect.get(holder, key));
  if (change.how === 'replace') Reflect.set(holder, key, change.by);
  else if (change.how !== 'add' && !Array.isArray(holder)) Reflect.deleteProperty(holder, key);
  return copy;
}
