import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { relocate, resultOf } from '../support/cli.ts';
import { hasDocker, startEngine, type TestEngine } from '../support/docker.ts';

const describeHere = hasDocker ? describe : describe.skip;

/** Answers with what the Compose file gave it: environment, secret, config, bind mount, neighbour. */
const webProgram = `
const { createServer } = require('node:http');
const { readFileSync, writeFileSync } = require('node:fs');
writeFileSync('/state/started', 'yes');
createServer(async (request, response) => {
  const cache = await fetch('http://cache:8080/').then((answer) => answer.text(), (error) => String(error.cause));
  const read = (path) => readFileSync(path, 'utf8').trim();
  response.end(JSON.stringify({
    title: process.env.TITLE, secret: read('/run/secrets/token').length, settings: read('/settings'),
    upload: read('/uploads/one.txt'), cache, deployment: process.env.DEPLOYMENT,
  }));
}).listen(8080);
`;
const cacheProgram = `require('node:http').createServer((_, response) => response.end('of the cache')).listen(8080);`;
const isUp = `fetch('http://127.0.0.1:8080/').then(() => process.exit(0), () => process.exit(1))`;

const composeFile = `
services:
  web:
    build: .
    ports: ['127.0.0.1:18080:8080']
    environment: { TITLE: "\${TITLE:?a title}", DEPLOYMENT: "\${RELOCATE_DEPLOYMENT:-none}" }
    volumes: ['./uploads:/uploads:ro', 'state:/state']
    secrets: [token]
    configs: [{ source: settings, target: /settings }]
    depends_on: { cache: { condition: service_healthy } }
  cache:
    image: example/cache:1
    healthcheck: { test: [CMD, /node, -e, "${isUp}"], interval: 1s, retries: 30 }
secrets: { token: { file: ./token.txt } }
configs: { settings: { file: ./settings.txt } }
volumes: { state: { name: guestbook-state } }
`;

const configText = `
app: guestbook
services: compose.yaml
data:
  uploads: { files: ./uploads }
repositories: file:../repository
targets: [local]
checks:
  - http: { path: /, contains: of the cache, timeout: 20s }
`;

describeHere('a Compose app on a real engine (skipped without root, or without the lab)', () => {
  let engine: TestEngine;
  let folder: string;
  let appFolder: string;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'relocate-compose-e2e-')));
    engine = await startEngine();
    appFolder = join(folder, 'app');
    await mkdir(join(appFolder, 'uploads'), { recursive: true });
    const files = {
      'compose.yaml': composeFile,
      'relocate.yaml': configText,
      '.env': 'TITLE=the guests\n',
      'token.txt': 'open-sesame-4711\n',
      'settings.txt': 'blue\n',
      'uploads/one.txt': 'a picture\n',
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(appFolder, name), text);
    const { stdout } = await promisify(execFile)('ldd', [process.execPath]);
    const libraries = [...stdout.matchAll(/(\/\S+)/g)].map(([, path = '']) => path);
    const base = [...libraries.map((path) => `COPY .${path} ${path}`), 'COPY node /node'];
    await engine.build('base:1', ['FROM scratch', ...base, ''].join('\n'), {
      node: { copy: process.execPath },
      ...Object.fromEntries(libraries.map((path) => [path.slice(1), { copy: path }])),
    });
    const program = (name: string) => `FROM base:1\nCOPY main.js /${name}.js\nCMD ["/node", "/${name}.js"]\n`;
    await engine.build('example/cache:1', program('cache'), { 'main.js': cacheProgram });
    await engine.build('app-web', program('web'), { 'main.js': webProgram });
  }, 120_000);
  afterAll(async () => {
    await engine?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (...args: string[]) =>
    relocate([...args, '--json'], {
      cwd: existsSync(appFolder) ? appFolder : folder,
      env: {
        ...engine.environment,
        RELOCATE_REPOSITORY: `file:${join(folder, 'repository')}`,
        XDG_STATE_HOME: join(folder, 'xdg'),
        HOME: folder,
      },
    });

  test('comes back with nothing but the repository, and destroy leaves nothing of it', async () => {
    expect(await run('init', '--repository')).toMatchObject({ exitCode: 0 });
    expect(await run('snapshot')).toMatchObject({ exitCode: 0 });
    await rm(appFolder, { recursive: true });
    await engine.docker('image', 'prune', '--all', '--force');
    expect(await engine.docker('image', 'ls', '--all', '--quiet')).toBe('');

    const deployed = await run('deploy', '--to', 'local');
    expect({
      ...deployed,
      stdout: deployed.exitCode === 0 ? '' : deployed.stdout.slice(-3000),
    }).toMatchObject({
      exitCode: 0,
      stdout: '',
    });
    const { deployment, services } = resultOf<{
      deployment: string;
      services: { name: string; address: string }[];
    }>(deployed);
    const address = services.find(({ name }) => name === 'web')?.address;
    const answer = await fetch(`http://${address}/`).then((response) => response.json());
    expect(answer).toMatchObject({
      title: 'the guests',
      secret: 16,
      settings: 'blue',
      cache: 'of the cache',
    });
    expect(answer).toMatchObject({ upload: 'a picture', deployment });
    const volumes = await engine.docker('volume', 'ls', '--quiet');
    expect(volumes).toBe(`${deployment}_state`);
    const images = await engine.docker('image', 'ls', '--format', '{{.Repository}}');
    expect(new Set(images.split('\n'))).toEqual(new Set([`relocate/${deployment}`]));

    expect(await run('destroy', '--to', 'local')).toMatchObject({ exitCode: 0 });
    expect(await engine.docker('ps', '--all', '--quiet')).toBe('');
    expect(await engine.docker('volume', 'ls', '--quiet')).toBe('');
    expect(await engine.docker('image', 'ls', '--all', '--quiet')).toBe('');
    const networks = await engine.docker('network', 'ls', '--format', '{{.Name}}');
    expect(networks.split('\n').toSorted()).toEqual(['host', 'none']);
  }, 300_000);
});
