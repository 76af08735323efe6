import { describe, expect, test } from '@jest/globals';
import { exitCodeOf, RelocateError } from '../../src/errors.ts';
import { parse, problemsOf, refusal } from './support.ts';

describe('all problems of a file', () => {
  test('are told at once, in its order, each with its place and what would be right', async () => {
    const text = `app: Guest_Book
servces: Procfile
data:
  db: { postgres: { url: http://x, jbos: 2 } }
  media: { bucket: s3://media }
  both: { files: a, sqlite: b }
  none: { floor: { size: 5 } }
  ../up: { files: x }
  __proto__: { files: x }
repositories: [./backups, file:b, "file:./b"]
targets: [lcal, hetzner, ssh, { ssh: { hots: x } }]
code: 5
checks:
  - http: { path: healthz }
  - sql: { data: dbb, query: select 1 }
objectives: { rto: 1 hour, rpo: 99999d }
`;
    expect(problemsOf(await refusal(text))).toEqual([
      '1:6 "app": must be a name of lowercase letters, digits and dashes, as in a host name (at most 63)',
      '2:1 unknown key "servces"; did you mean "services"?',
      '4:26 "url": must look like postgres://…',
      '4:36 unknown key "jbos"; did you mean "jobs"?',
      '5:12 unknown source "bucket"; there are: postgres, files, sqlite',
      '6:9 "both": must have exactly one of the keys postgres, files, sqlite',
      '7:26 "size": must be a size such as "512KiB", "10MiB" or "1GB"',
      '8:3 a name under data must be of lowercase letters, digits, "-" and "_" (at most 63)',
      '9:3 a key must be a simple word',
      '10:16 must begin with a scheme; for a folder write "file:" before it',
      '10:35 is here twice: a second copy in the same place is no copy',
      '11:11 unknown target "lcal"; did you mean "local"?',
      '11:17 unknown target "hetzner"; there are: local, ssh',
      '11:33 "host" is missing: it must be text',
      '11:40 unknown key "hots"; did you mean "host"?',
      '12:7 "code": must be text or false or a map',
      '14:19 "path": must be a path that begins with "/"',
      '16:20 "rto": must be a duration such as "90s", "15m", "1h30m" or "2d"',
      '16:33 "rpo": no objective that could be met or missed: write something between "1s" and "365d"',
    ]);
  });

  test('are shown under the line itself, with the exit code of a wrong configuration', async () => {
    const error = await parse('app: a\ncode: .\nobjectivs: { rto: 1h }\n').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RelocateError);
    expect(exitCodeOf(error)).toBe(2);
    expect(error).toMatchObject({ facts: { file: 'relocate.yaml', line: 3, column: 1, problems: 1 } });
    expect((error as RelocateError).message).toBe(
      'relocate.yaml has a problem:\n\n' +
        'relocate.yaml:3:1: unknown key "objectivs"; did you mean "objectives"?\n' +
        '  3 | objectivs: { rto: 1h }\n' +
        '    | ^^^^^^^^^',
    );
  });

  test('never show a password that stands in the file', async () => {
    const message = await refusal(
      'app: a\ndata: { db: { postgres: { url: "postgres://u:hunter2@h/d", password: swordfish, "api_key": "k1k2k3" } } }\n',
    );
    expect(message).toContain('unknown key "password"');
    expect(message).not.toMatch(/hunter2|swordfish|k1k2k3/);
  });
});

describe('parts that do not fit each other', () => {
  test.each([
    ['an SQL check of a folder', 'checks: [{ sql: { data: up, query: x } }]', '5:25 "up" is no database'],
    [
      'a check of an unknown database',
      'checks: [{ sql: { data: bd, query: x } }]',
      '5:25 unknown database "bd"; did you mean "db"?',
    ],
    [
      'a check of an unknown service',
      'checks: [{ tcp: { service: wbe } }]',
      '5:28 unknown service "wbe"; did you mean "web"?',
    ],
    [
      'a check that waits longer than the objective',
      'checks: [{ http: { path: /, timeout: 2m } }]\nobjectives: { rto: 1m }',
      '5:38 waits longer than the time to be back (objectives.rto) allows',
    ],
    ['the root as code folder', 'code: /', '5:7 a whole file system is no code folder'],
    [
      'a home folder that nobody expands',
      'repositories: "file:~/b"',
      '5:15 "~" is not expanded here; write "file:${HOME}/…"',
    ],
  ])('%s is refused', async (_title, line, problem) => {
    const text = `app: a\nservices: Procfile\ndata:\n  { db: { postgres: { url: "postgres://h" } }, up: { files: ./up } }\n${line}\n`;
    expect(problemsOf(await refusal(text, { files: { Procfile: 'web: x\n' } }))).toEqual([problem]);
  });

  test('an app with nothing to capture is refused, and a check without a service to ask', async () => {
    expect(problemsOf(await refusal('app: a\n'))).toEqual([
      '1:6 there is nothing to capture: give services, code or data',
    ]);
    expect(problemsOf(await refusal('app: a\ncode: .\nchecks: [{ http: { path: / } }]\n'))).toEqual([
      '3:18 there is nothing to ask: "services" is not given',
    ]);
  });

  test('services that are missing or broken are told in the file that is wrong', async () => {
    const text = 'app: a\nservices: Procfile\n';
    expect(problemsOf(await refusal(text))).toEqual(['2:11 there is no file /srv/app/Procfile']);
    const procfile = 'web: a\nweb: b\nnonsense\nmail:\n';
    expect(problemsOf(await refusal(text, { files: { Procfile: procfile } }), 'Procfile')).toEqual([
      '2:1 "web" is here twice: give each process its own name',
      '3:1 must read "name: command"',
      '4:1 "mail" has no command',
    ]);
    const compose = 'app: a\nservices: compose.yaml\n';
    const broken = await refusal(compose, { files: { 'compose.yaml': 'services: [\n' } });
    expect(broken).toContain('compose.yaml:');
  });
});

describe('a file that is no honest YAML', () => {
  const laughs = Array.from(
    { length: 12 },
    (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(10)}]`,
  );
  test.each<[string, string, RegExp]>([
    ['empty', '', /must be a map with the keys app/],
    ['a list', '- app\n', /must be a map/],
    ['two documents', 'app: a\n---\napp: b\n', /no valid YAML/],
    ['tabs for indentation', 'app: a\ndata:\n\tdb: {}\n', /:3:1: .*use spaces/],
    ['a key twice', 'app: a\napp: b\n', /:2:1: the key "app" is here twice/],
    ['a key that is a list', 'app: a\n? [b]\n: c\n', /a key must be a simple word/],
    ['a foreign tag', 'app: !!js/function "x"\n', /no valid YAML/],
    ['an alias to nowhere', 'app: *a\n', /no valid YAML|there is no anchor/],
    ['a cycle', 'app: a\ndata: &d { db: *d }\n', /leads back into itself/],
    ['a billion laughs', `app: a\na0: &a0 [x]\n${laughs.join('\n')}\n`, /more than 100 aliases/],
    ['a deep flow', '['.repeat(200_000), /nested more than 32 deep/],
    ['deep compact sequences', '- '.repeat(200_000), /nested more than 32 deep/],
    [
      'deep blocks',
      Array.from({ length: 60 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
      /nested more than 32/,
    ],
    [
      'a hundred thousand keys',
      Array.from({ length: 80_000 }, (_, index) => `k${index}: 1`).join('\n'),
      /too much/,
    ],
    ['more than 1 MiB', `app: a # ${'x'.repeat(1024 * 1024)}`, /larger than 1 MiB/],
    ['no UTF-8', 'app: caf\uFFFD\n', /:1:9: here is no valid UTF-8/],
    ['binary', 'app: a\0b\n', /control character/],
    ['a path with a NUL', 'app: a\ncode: "a\\0b"\n', /must hold no control characters/],
  ])('%s is refused', async (_title, text, expected) => {
    expect(await refusal(text)).toMatch(expected);
  });

  test.each([
    ['app: []', /"app": must be text, not a list/],
    ['app:', /"app": has no value; it must be text/],
    ['data: []', /"data": must be a map, not a list/],
    ['targets: local', /"targets": must be a list, not text/],
    ['checks: [{ http: 5 }]', /"http": must be a map, not a number/],
    ['env: { a: b }', /"env": must be text or a list/],
    ['objectives: 1h', /"objectives": must be a map, not text/],
  ])('wrong types are told in plain words: %s', async (line, expected) => {
    expect(await refusal(`code: .\n${line}\n`)).toMatch(expected);
  });
});
