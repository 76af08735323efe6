import { describe, expect, test } from '@jest/globals';
import { parse, problemsOf, refusal } from './support.ts';

const guestbook = `app: guestbook
services: Procfile
data:
  db: { postgres: { url: "\${DATABASE_URL}" }, floor: { size: 1MiB, items: 1 } }
  uploads: { files: ./uploads, hooks: { before: ./pause, after: ./go, timeout: 30s } }
  visits: { sqlite: "var/visits[1].db" }
repositories:
  - file:./backups
  - s3:https://s3.example.com/guestbook
targets:
  - ssh: { host: deploy@203.0.113.7 }
  - local
checks:
  - http: { path: /healthz, contains: ok, timeout: 5s }
  - tcp: { port: 25, service: mail }
  - sql: { data: db, query: "select count(*) from entry", atLeast: 1 }
  - sql: { data: visits, query: "select count(*) from visit", equals: "3" }
  - command: { run: bin/smoke }
objectives: { rto: 1h30m, rpo: 2d }
`;
const files = {
  Procfile: '# what runs\nweb: node server.js\n\nmail: node mail.js\r\nrelease: node migrate.js\n',
  '.env': 'DATABASE_URL=postgres://u:p@127.0.0.1/guestbook\nCOLOUR=blue\n',
};

describe('a whole relocate.yaml', () => {
  test('becomes the app it describes, paths absolute, durations in milliseconds, sizes in bytes', async () => {
    const app = await parse(guestbook, { files });
    expect(app).toMatchObject({
      name: 'guestbook',
      folder: '/srv/app',
      configPath: '/srv/app/relocate.yaml',
      services: {
        kind: 'procfile',
        path: '/srv/app/Procfile',
        services: [
          { name: 'web', command: 'node server.js' },
          { name: 'mail', command: 'node mail.js' },
        ],
      },
      repositories: [{ url: 'file:/srv/app/backups' }, { url: 's3:https://s3.example.com/guestbook' }],
      copies: {},
      targets: [
        { name: 'ssh', options: { host: 'deploy@203.0.113.7', port: 22 } },
        { name: 'local', options: {} },
      ],
      objectives: { rtoMs: 5_400_000, rpoMs: 172_800_000 },
      environment: { DATABASE_URL: 'postgres://u:p@127.0.0.1/guestbook', COLOUR: 'blue' },
      envFiles: ['/srv/app/.env'],
      variables: { DATABASE_URL: { value: 'postgres://u:p@127.0.0.1/guestbook', from: 'file' } },
    });
    expect(app.data).toEqual([
      {
        name: 'db',
        kind: 'postgres',
        options: { url: 'postgres://u:p@127.0.0.1/guestbook', jobs: 2 },
        floor: { bytes: 1_048_576, items: 1 },
      },
      {
        name: 'uploads',
        kind: 'files',
        options: { path: './uploads', exclude: [] },
        hooks: { before: './pause', after: './go', timeoutMs: 30_000 },
      },
      { name: 'visits', kind: 'sqlite', options: 'var/visits[1].db' },
    ]);
    expect(app.checks).toEqual([
      { kind: 'http', path: '/healthz', status: 200, contains: 'ok', timeoutMs: 5_000 },
      { kind: 'tcp', port: 25, service: 'mail' },
      { kind: 'sql', data: 'db', query: 'select count(*) from entry', atLeast: 1 },
      { kind: 'sql', data: 'visits', query: 'select count(*) from visit', equals: '3' },
      { kind: 'command', run: 'bin/smoke' },
    ]);
  });

  test('leaves out of the code what is captured apart, and relocate’s own folders', async () => {
    const { code } = await parse(guestbook, { files });
    expect(code).toEqual({
      path: '/srv/app',
      excludes: [
        '/srv/app/.relocate',
        '/srv/app/backups',
        '/srv/app/uploads',
        '/srv/app/var/visits\\[1\\].db',
        '/srv/app/var/visits\\[1\\].db-wal',
        '/srv/app/var/visits\\[1\\].db-shm',
        '/srv/app/var/visits\\[1\\].db-journal',
      ],
    });
  });

  test.each([
    ['code: false', undefined],
    ['code: src', { path: '/srv/app/src', excludes: [] }],
    [
      'code: { path: ., exclude: [node_modules, ./tmp] }',
      { path: '/srv/app', excludes: ['node_modules', '/srv/app/tmp', '/srv/app/.relocate'] },
    ],
  ])('takes the code folder from %s', async (line, code) => {
    const app = await parse(`app: a\nservices: Procfile\n${line}\n`, { files });
    expect(app.code).toEqual(code);
  });

  test('captures no code of an app that is data alone, nor twice what data holds already', async () => {
    const alone = await parse('app: a\ndata: { db: { sqlite: x.db } }\n');
    expect(alone.code).toBeUndefined();
    const covered = await parse('app: a\nservices: Procfile\ndata: { all: { files: . } }\n', { files });
    expect(covered.code).toBeUndefined();
    const twice = await refusal('app: a\ncode: .\ndata: { all: { files: . } }\n');
    expect(problemsOf(twice)).toEqual(['2:7 the code folder is captured by "data.all" already']);
  });

  test('reads the services of a Compose file, anchors and merge keys included', async () => {
    const compose =
      'x-base: &base { restart: always }\nservices:\n  web: { <<: *base, image: a }\n  db: { image: postgres }\n';
    const app = await parse('app: a\nservices: stack\n', { files: { stack: compose } });
    expect(app.services).toEqual({
      kind: 'compose',
      path: '/srv/app/stack',
      services: [
        { name: 'web', command: '' },
        { name: 'db', command: '' },
      ],
    });
  });

  test('may stand on one line, however much it says', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `folder-${index}`);
    const app = await parse(
      `app: a\ndata: { ${names.map((name) => `${name}: { files: ${name} }`).join(', ')} }\n`,
    );
    expect(app.data.map(({ name }) => name)).toEqual(names);
  });

  test('is read the same with a byte order mark and Windows line ends', async () => {
    const text = `\uFEFF${guestbook.replaceAll('\n', '\r\n')}`;
    expect(await parse(text, { files })).toEqual(await parse(guestbook, { files }));
  });
});

describe('variables', () => {
  const dataUrl = (url: string) => `app: a\ndata: { db: { postgres: { url: ${JSON.stringify(url)} } } }\n`;
  const urlOf = async (url: string, environment: Record<string, string> = {}, env = '') => {
    const [item] = (await parse(dataUrl(url), { environment, files: { '.env': env } })).data;
    return (item!.options as { url: string }).url;
  };

  test('of the process come before those of the env files, and defaults last', async () => {
    const environment = { HOST: 'process' };
    const app = await parse(dataUrl('postgres://${HOST}/${NAME}?x=${OTHER:-none}'), {
      environment,
      files: { '.env': 'HOST=file\nNAME=shop\n' },
    });
    expect(app.data[0]?.options).toMatchObject({ url: 'postgres://process/shop?x=none' });
    expect(app.variables).toEqual({
      HOST: { value: 'process', from: 'process' },
      NAME: { value: 'shop', from: 'file' },
      OTHER: { value: 'none', from: 'default' },
    });
  });

  test('expand as in Compose', async () => {
    expect(
      await urlOf('postgres://$A-${A}-$$A-${E:-x}-${E-x}-${U:-${A}}-${A:+y}-${U:+y}', { A: '1', E: '' }),
    ).toBe('postgres://1-1-$A-x--1-y-');
    expect(await urlOf('postgres://${A}', { A: '${B}$C' })).toBe('postgres://${B}$C');
    expect(await urlOf('postgres://${A:-${UNSET}}', { A: 'set' })).toBe('postgres://set');
  });

  test('that are not set are named with their line and column, all at once', async () => {
    const message = await refusal(
      'app: a\ndata:\n  db: { postgres: { url: "postgres://${USER_NAME}:${PASS:?ask the operator}@h/$DATABASE" } }\n',
    );
    expect(problemsOf(message)).toEqual([
      '3:38 the variable USER_NAME is not set; set it, or give a default: ${USER_NAME:-…}',
      '3:51 the variable PASS is not set: ask the operator',
      '3:79 the variable DATABASE is not set; set it, or give a default: ${DATABASE:-…}',
    ]);
    expect(message).toContain('    |                                      ^^^^^^^^^^^^');
  });

  test.each([
    'postgres://${A:-${B:-${',
    'postgres://${}',
    'postgres://${A',
    'postgres://$1',
    'postgres://x$',
    '${A:-'.repeat(100),
  ])('that are malformed are refused: %s', async (url) => {
    expect(problemsOf(await refusal(dataUrl(url), { environment: { A: 'a' } }))).toHaveLength(1);
  });

  test('stand for numbers and booleans where those belong, and nowhere else', async () => {
    const text = `app: "\${N}"
data: { db: { postgres: { url: "postgres://h", jobs: "\${N}", verbose: "\${YES}" } } }
targets: [{ ssh: { host: "\${N}", port: "\${PORT:-2222}" } }]
`;
    const app = await parse(text, { environment: { N: '3', YES: 'true' } });
    expect(app.name).toBe('3');
    expect(app.data[0]?.options).toMatchObject({ jobs: 3, verbose: true });
    expect(app.targets[0]?.options).toEqual({ host: '3', port: 2222 });
    const written = 'app: a\ncode: .\ntargets: [{ ssh: { host: h, port: "22" } }]\n';
    expect(problemsOf(await refusal(written))).toEqual(['3:35 "port": must be a number, not text']);
    const wrong = 'app: a\ncode: .\ntargets: [{ ssh: { host: h, port: "${SECRET}" } }]\n';
    const message = await refusal(wrong, { environment: { SECRET: 'hunter2-and-more' } });
    expect(message).toContain('must be a number');
    expect(message).not.toContain('hunter2');
  });

  test('are left to the shell in command lines, which would show a secret in their arguments', async () => {
    const text = `app: a
code: .
data: { f: { files: "\${F}", hooks: { before: 'pause "\${TOKEN}" $$', after: 'go $UNSET' } } }
checks: [{ command: { run: 'smoke "$TOKEN"' } }]
`;
    const app = await parse(text, { environment: { F: 'there', TOKEN: 'hunter2' } });
    expect(app.data[0]?.options).toMatchObject({ path: 'there' });
    expect(app.data[0]?.hooks).toMatchObject({ before: 'pause "${TOKEN}" $$', after: 'go $UNSET' });
    expect(app.checks).toMatchObject([{ run: 'smoke "$TOKEN"' }]);
    expect(Object.keys(app.variables)).toEqual(['F']);
  });

  test('of several env files: later ones win, and a missing one is told', async () => {
    const text = 'app: a\ncode: .\nenv: [one.env, two.env]\n';
    const given = { 'one.env': 'A=1\nB=1\n', 'two.env': 'B=2\nC=$A\n' };
    const app = await parse(text, { files: given });
    expect(app.environment).toEqual({ A: '1', B: '2', C: '1' });
    expect(app.envFiles).toEqual(['/srv/app/one.env', '/srv/app/two.env']);
    const message = await refusal(text, { files: { 'one.env': '' } });
    expect(problemsOf(message)).toEqual(['3:16 there is no file /srv/app/two.env']);
  });

  test('of an env file that is broken are refused without quoting it', async () => {
    const message = await refusal('app: a\ncode: .\n', { files: { '.env': 'A=1\nB="hunter2\nC=3\n' } });
    expect(problemsOf(message, '.env')).toEqual(['2:1 the quote of B is not closed']);
    expect(message).not.toContain('hunter2');
  });
});
