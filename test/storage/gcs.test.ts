import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGcsStorage } from '../../src/storage/gcs.ts';
import { openStorage } from '../../src/storage/index.ts';
import { parseNamedPlace } from '../../src/storage/storage-place.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { errorOf, named } from '../contract/storage.ts';
import { takeNodesErrorsForErrors } from '../support/realm.ts';
import { startRefusing, type RefusingServer } from '../support/servers/refusing.ts';
import { freePort } from '../support/servers/server.ts';

takeNodesErrorsForErrors();

describe('an address of Google Cloud Storage, as restic spells it', () => {
  test.each([
    ['bucket:/a/b', 'bucket', 'a/b'],
    ['bucket:/', 'bucket', ''],
    ['bucket:', 'bucket', ''],
    ['my.bucket_1:a//b/', 'my.bucket_1', 'a/b'],
    ['bucket:/../../x', 'bucket', 'x'],
  ])('%s', (place, name, prefix) => {
    expect(parseNamedPlace('gs', place)).toEqual({ name, prefix, url: `gs:${name}:/${prefix}` });
  });

  test.each(['', 'bucket', '/bucket', ':/x', 'https://host/bucket', 'a b:/x'])(
    '“%s” is refused with an example',
    async (place) => {
      expect(await errorOf(openStorage(`gs:${place}`))).toMatchObject({
        code: 'usage',
        hint: expect.stringContaining('gs:my-backups:/guestbook'),
      });
    },
  );
});

const content = Buffer.from('content');
const file = named('pack', content);

describe('a server that refuses', () => {
  let server: RefusingServer;
  let storage: Storage;

  beforeEach(async () => {
    server = await startRefusing();
    process.env['STORAGE_EMULATOR_HOST'] = `127.0.0.1:${server.port}`;
    process.env['GOOGLE_ACCESS_TOKEN'] = 'some-hidden-value';
    storage = await openGcsStorage('bucket:/prefix');
  });
  afterEach(async () => {
    delete process.env['STORAGE_EMULATOR_HOST'];
    delete process.env['GOOGLE_ACCESS_TOKEN'];
    await storage.close();
    await server.stop();
  });

  const refuse = (status: number, reason: string, message = `${reason}, plainly.`) =>
    server.answerWith((_, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { code: status, message, errors: [{ reason }] } }));
    });

  test.each([
    [403, 'forbidden', 'storage-failed', 'storage.objects', false],
    [401, 'authError', 'storage-failed', 'GOOGLE_APPLICATION_CREDENTIALS', false],
    [507, 'insufficientStorage', 'disk-full', 'Make room', false],
    [429, 'rateLimitExceeded', 'storage-failed', undefined, true],
    [503, 'backendError', 'storage-failed', undefined, true],
    [500, 'internalError', 'storage-failed', undefined, true],
    [501, 'notImplemented', 'storage-failed', undefined, false],
    [400, 'invalid', 'storage-failed', undefined, false],
  ])('%d %s is %s and says what to do', async (status, reason, code, hint, retryable) => {
    refuse(status, reason);
    const error = await errorOf(storage.save(named('config', content), [content]));
    expect(error).toMatchObject({ code, retryable, facts: { status, reason } });
    expect(error.hint ?? '').toContain(hint ?? '');
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain('some-hidden-value');
  });

  test('a refused removal has the fact “denied”', async () => {
    refuse(403, 'forbidden');
    expect(await errorOf(storage.remove(file))).toMatchObject({ facts: { denied: true } });
  });

  test('a bucket that is not there is named, and holds no files, so that “no repository” can be said', async () => {
    refuse(404, 'notFound', 'The specified bucket does not exist.');
    expect((await errorOf(storage.save(file, [content]))).message).toContain('There is no bucket “bucket”');
    expect(await storage.size({ type: 'config', name: '' })).toBeUndefined();
    expect(await storage.list('pack')).toEqual([]);
  });

  test('a file that is there and may not be replaced is as good as saved; another size is not', async () => {
    let size = content.length;
    server.answerWith(({ method }, response) => {
      if (method === 'POST')
        response.writeHead(403).end(JSON.stringify({ error: { errors: [{ reason: 'forbidden' }] } }));
      else {
        const name = `prefix/data/${file.name.slice(0, 2)}/${file.name}`;
        response.end(JSON.stringify({ items: [{ name, size: String(size) }] }));
      }
    });
    await storage.save(file, [content]);
    size = 3;
    expect(await errorOf(storage.save(file, [content]))).toMatchObject({ facts: { denied: true } });
  });

  test('content goes with its MD5 and the token, so that the server can refuse what changed', async () => {
    server.answerWith((_, response) => response.end('{}'));
    await storage.save(file, [content]);
    expect(server.requests[0]?.headers).toMatchObject({ authorization: 'Bearer some-hidden-value' });
    expect(server.requests[0]?.url).toContain('/upload/storage/v1/b/bucket/o?uploadType=multipart');
  });

  test('a list of several pages is put together', async () => {
    const names = Array.from({ length: 3 }, (_, at) => named('index', Buffer.from(String(at))).name);
    server.answerWith(({ url = '' }, response) => {
      const page = Number(new URL(url, 'http://x').searchParams.get('pageToken') ?? 0);
      const items = [{ name: `prefix/index/${names[page]}`, size: '1' }];
      response.end(JSON.stringify({ items, ...(page < 2 ? { nextPageToken: String(page + 1) } : {}) }));
    });
    expect((await storage.list('index')).map(({ name }) => name)).toEqual(names);
  });

  test.each([true, false])(
    'an answer cut off (begun: %s) may pass and is never fewer bytes',
    async (hasBegun) => {
      server.answerWith((_, response) => {
        if (hasBegun) response.writeHead(200, { 'content-length': '7' }).write('con');
        setImmediate(() => response.destroy());
      });
      expect(await errorOf(storage.load(file))).toMatchObject({ code: 'storage-failed', retryable: true });
    },
  );

  test('the whole file in answer to a range is not taken for the range', async () => {
    server.answerWith((_, response) => response.writeHead(200, { 'content-length': '7' }).end(content));
    expect(await errorOf(storage.load(file, { offset: 1, length: 2 }))).toMatchObject({
      code: 'storage-failed',
    });
  });

  test('a server that is not there is said to be unreachable, and may come back', async () => {
    process.env['STORAGE_EMULATOR_HOST'] = `http://127.0.0.1:${await freePort()}`;
    const away = await openGcsStorage('bucket:/');
    expect(await errorOf(away.list('key'))).toMatchObject({
      retryable: true,
      facts: { reason: 'ECONNREFUSED' },
      message: expect.stringContaining('cannot be reached'),
    });
  });
});

describe('credentials', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-gcs-'));
  });
  afterAll(async () => {
    delete process.env['GOOGLE_APPLICATION_CREDENTIALS'];
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    ['a file that is not there', undefined],
    ['a file that holds something else', 'no JSON'],
  ])('in %s are said to be wrong, with where to put them', async (_, text) => {
    const path = join(folder, 'key.json');
    await rm(path, { force: true });
    if (text !== undefined) await writeFile(path, text);
    process.env['GOOGLE_APPLICATION_CREDENTIALS'] = path;
    const storage = await openGcsStorage('bucket:/');
    expect(await errorOf(storage.list('key'))).toMatchObject({
      code: 'storage-failed',
      retryable: false,
      hint: expect.stringContaining('GOOGLE_APPLICATION_CREDENTIALS'),
    });
  });
});
