import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { drawPicture } from '../../examples/demo/picture.ts';
import { freePort, hasPostgres, startPostgres, type TestServer } from '../support/postgres.ts';

const folder = fileURLToPath(new URL('../../examples/guestbook/', import.meta.url));
const describeHere = (await hasPostgres()) ? describe : describe.skip;

describeHere('the guestbook (skipped where there is no PostgreSQL)', () => {
  let database: TestServer;
  let work: string;
  let app: ChildProcess;
  let address: string;

  beforeAll(async () => {
    database = await startPostgres();
    work = await mkdtemp(path.join(tmpdir(), 'relocate-guestbook-'));
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    app = spawn(process.execPath, ['server.js'], {
      cwd: folder,
      env: {
        DATABASE_URL: database.url,
        PORT: String(port),
        UPLOADS_DIR: path.join(work, 'uploads'),
        VISITS_DB: path.join(work, 'visits.sqlite'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await Promise.race([
      once(app.stdout!, 'data'),
      once(app, 'exit').then(() => Promise.reject(new Error('the guestbook ended before it served'))),
    ]);
  });

  afterAll(async () => {
    app?.kill('SIGKILL');
    await database?.stop();
    await rm(work, { recursive: true, force: true });
  });

  const post = (where: string, body: string | Buffer) =>
    fetch(`${address}${where}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : new Uint8Array(body),
    });
  const sign = (entry: unknown) => post('/entries', JSON.stringify(entry));

  test('gives back an entry and its picture as they were posted', async () => {
    const picture = drawPicture(1);
    const { picture: name } = (await (await post('/pictures', picture)).json()) as { picture: string };
    const entry = { author: 'Zoë "Q" <b>', message: 'line 1\nline 2 \u{1F600}', picture: name };
    expect((await sign(entry)).status).toBe(201);

    const listed = (await (await fetch(`${address}/entries.json?after=0`)).json()) as object[];
    expect(listed).toMatchObject([entry]);
    const served = await fetch(`${address}/pictures/${name}`);
    expect(served.headers.get('content-type')).toBe('image/png');
    expect(Buffer.from(await served.arrayBuffer()).equals(picture)).toBe(true);
  });

  test('shows what people wrote as text, whatever they wrote', async () => {
    await sign({ author: 'x', message: '<script>alert(1)</script>' });
    const page = await (await fetch(`${address}/`)).text();
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toContain('<script>alert');
  });

  test('counts a visit for each look at the page, and none for other requests', async () => {
    const visits = async () =>
      ((await (await fetch(`${address}/visits.json`)).json()) as { visits: number }).visits;
    const before = await visits();
    await (await fetch(`${address}/`)).text();
    await (await fetch(`${address}/healthz`)).text();
    expect(await visits()).toBe(before + 1);
  });

  test.each([
    ['an entry that is no JSON', '/entries', 'hello', 400],
    ['an entry without a message', '/entries', JSON.stringify({ author: 'a' }), 400],
    [
      'an entry with a NUL, which PostgreSQL cannot hold',
      '/entries',
      JSON.stringify({ author: 'a', message: 'a\0' }),
      400,
    ],
    [
      'an entry with a picture that is not there',
      '/entries',
      JSON.stringify({ author: 'a', message: 'a', picture: '../x' }),
      400,
    ],
    ['an entry too large', '/entries', JSON.stringify({ author: 'a', message: 'a'.repeat(70_000) }), 413],
    ['a picture that is none', '/pictures', '<svg onload="alert(1)"/>', 415],
  ])('refuses %s, and keeps nothing of it', async (_what, where, body, status) => {
    const files = await readdir(path.join(work, 'uploads'));
    expect((await post(where, body)).status).toBe(status);
    expect(await readdir(path.join(work, 'uploads'))).toEqual(files);
  });

  test.each(['/pictures/..%2fvisits.sqlite', '/pictures/.hidden', '/nothing'])(
    'has nothing at %s',
    async (where) => {
      expect((await fetch(`${address}${where}`)).status).toBe(404);
    },
  );

  test('ends by itself when asked to', async () => {
    const exited = once(app, 'exit');
    app.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});
