import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openAzureStorage } from '../../src/storage/azure.ts';
import { openStorage } from '../../src/storage/index.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { errorOf, named } from '../contract/storage.ts';
import { takeNodesErrorsForErrors } from '../support/realm.ts';
import { startRefusing, type RefusingServer } from '../support/servers/refusing.ts';
import { freePort } from '../support/servers/server.ts';

takeNodesErrorsForErrors();

const content = Buffer.from('content');
const file = named('pack', content);
const hidden = Buffer.from('some-hidden-value').toString('base64');
const connectionTo = (port: number) =>
  `DefaultEndpointsProtocol=http;AccountName=account;AccountKey=${hidden};BlobEndpoint=http://127.0.0.1:${port}/account;`;

afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AZURE_')) delete process.env[name];
});

describe('an account', () => {
  test('that nothing names is a wrong use, with what to set', async () => {
    expect(await errorOf(openStorage('azure:container:/'))).toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('AZURE_ACCOUNT_NAME'),
    });
  });

  test('whose connection string is none is said without repeating it', async () => {
    process.env['AZURE_STORAGE_CONNECTION_STRING'] = `Account=${hidden}`;
    const error = await errorOf(openStorage('azure:container:/'));
    expect(error.code).toBe('usage');
    expect(error.message).not.toContain(hidden);
  });

  test.each(['', 'container', 'Container:/x', ':/x'])('“%s” is no place in one', async (place) => {
    expect((await errorOf(openStorage(`azure:${place}`))).hint).toContain('azure:my-backups:/guestbook');
  });
});

describe('a server that refuses', () => {
  let server: RefusingServer;
  let storage: Storage;

  beforeEach(async () => {
    server = await startRefusing();
    process.env['AZURE_STORAGE_CONNECTION_STRING'] = connectionTo(server.port);
    storage = await openAzureStorage('container:/prefix');
  });
  afterEach(() => server.stop());

  const refuse = (status: number, code: string, more = '') =>
    server.answerWith(({ method }, response) => {
      response.writeHead(status, { 'content-type': 'application/xml', 'x-ms-error-code': code });
      const said = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}, plainly.</Message>${more}</Error>`;
      response.end(method === 'HEAD' ? '' : said);
    });

  const late = '<AuthenticationErrorDetail>Request date header too old: Tue</AuthenticationErrorDetail>';
  const expired =
    '<AuthenticationErrorDetail>Signature not valid in the specified time frame</AuthenticationErrorDetail>';

  test.each([
    [403, 'AuthorizationPermissionMismatch', '', 'storage-failed', 'Storage Blob Data Contributor', false],
    [409, 'BlobImmutableDueToPolicy', '', 'storage-failed', 'Storage Blob Data Contributor', false],
    [403, 'AuthenticationFailed', '', 'storage-failed', 'AZURE_ACCOUNT_KEY', false],
    [403, 'AuthenticationFailed', late, 'storage-failed', 'Set the clock', false],
    [403, 'AuthenticationFailed', expired, 'storage-failed', 'new SAS', false],
    [404, 'ContainerNotFound', '', 'storage-failed', 'Check its name', false],
    [503, 'ServerBusy', '', 'storage-failed', undefined, true],
    [500, 'OperationTimedOut', '', 'storage-failed', undefined, true],
    [400, 'Md5Mismatch', '', 'storage-failed', undefined, true],
    [400, 'InvalidHeaderValue', '', 'storage-failed', undefined, false],
  ])('%d %s %s is %s and says what to do', async (status, name, more, code, hint, retryable) => {
    refuse(status, name, more);
    const error = await errorOf(storage.save(named('config', content), [content]));
    expect(error).toMatchObject({ code, retryable, facts: { status } });
    expect(error.hint ?? '').toContain(hint ?? '');
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain(hidden);
  });

  test.each([
    [403, 'AuthorizationPermissionMismatch', true],
    [409, 'BlobImmutableDueToPolicy', true],
    [403, 'AuthenticationFailed', undefined],
  ])('%d %s to a removal has the fact “denied”: %s', async (status, name, denied) => {
    refuse(status, name);
    expect((await errorOf(storage.remove(file))).facts['denied']).toBe(denied);
  });

  test('a container that is not there holds no files, so that “no repository” can be said', async () => {
    refuse(404, 'ContainerNotFound');
    expect(await storage.size({ type: 'config', name: '' })).toBeUndefined();
    expect(await storage.list('pack')).toEqual([]);
  });

  test('a file that is there and may not be replaced is as good as saved; another size is not', async () => {
    let size = content.length;
    server.answerWith(({ method }, response) => {
      if (method === 'PUT')
        response.writeHead(403, { 'x-ms-error-code': 'AuthorizationPermissionMismatch' }).end();
      else response.writeHead(200, { 'content-length': String(size) }).end();
    });
    await storage.save(file, [content]);
    size = 3;
    expect(await errorOf(storage.save(file, [content]))).toMatchObject({ facts: { denied: true } });
  });

  test.each([true, false])(
    'an answer cut off (begun: %s) may pass and is never fewer bytes',
    async (hasBegun) => {
      server.answerWith((_, response) => {
        if (hasBegun) response.writeHead(200, { 'content-length': '7', etag: '"1"' }).write('con');
        setImmediate(() => response.destroy());
      });
      expect(await errorOf(storage.load(file))).toMatchObject({ code: 'storage-failed', retryable: true });
    },
  );

  test('the whole file in answer to a range is not taken for the range', async () => {
    server.answerWith((_, response) =>
      response.writeHead(200, { 'content-length': '7', etag: '"1"' }).end(content),
    );
    expect(await errorOf(storage.load(file, { offset: 1, length: 2 }))).toMatchObject({
      code: 'storage-failed',
    });
  });

  test('each call is made once: waiting is the business of one place, which tells of it', async () => {
    refuse(503, 'ServerBusy');
    await errorOf(storage.save(file, [content]));
    expect(server.requests).toHaveLength(1);
  });
});

test('a server that is not there is said to be unreachable, and may come back', async () => {
  process.env['AZURE_STORAGE_CONNECTION_STRING'] = connectionTo(await freePort());
  const away = await openAzureStorage('container:/');
  expect(await errorOf(away.list('key'))).toMatchObject({
    retryable: true,
    facts: { reason: 'ECONNREFUSED' },
    message: expect.stringContaining('cannot be reached'),
  });
});

test('an account by its name lies at Azure’s address for it, with the suffix that is set', async () => {
  Object.assign(process.env, {
    AZURE_ACCOUNT_NAME: 'account',
    AZURE_ACCOUNT_SAS: '?sv=1&sig=some-hidden-value',
    AZURE_ENDPOINT_SUFFIX: 'suffix.invalid',
  });
  const storage = await openAzureStorage('container:/');
  const error = await errorOf(storage.list('key'));
  expect(error.message).toMatch(/cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/);
  const cause = error.cause instanceof Error ? error.cause.message : String(error.cause);
  expect(cause).toContain('account.blob.suffix.invalid');
  expect(storage.url).toBe('azure:container:/');
});
