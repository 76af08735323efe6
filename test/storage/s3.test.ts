import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openStorage } from '../../src/storage/index.ts';
import { openS3Storage } from '../../src/storage/s3.ts';
import { parseS3Place } from '../../src/storage/s3-place.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { errorOf, named } from '../contract/storage.ts';
import { takeNodesErrorsForErrors } from '../support/realm.ts';
import { startRefusing } from '../support/servers/refusing.ts';
import { freePort } from '../support/servers/server.ts';

takeNodesErrorsForErrors();

describe('an address of S3, as restic spells it', () => {
  test.each([
    ['https://s3.example.com/bucket/a/b', 'https://s3.example.com', 'bucket', 'a/b'],
    ['http://127.0.0.1:9000/bucket', 'http://127.0.0.1:9000', 'bucket', ''],
    ['s3.example.com/bucket', 'https://s3.example.com', 'bucket', ''],
    ['//s3.example.com:8443/bucket/a/', 'https://s3.example.com:8443', 'bucket', 'a'],
    ['https://s3.example.com/bucket//a/./b/../c', 'https://s3.example.com', 'bucket', 'a/c'],
    ['https://s3.example.com/bucket/../../x', 'https://s3.example.com', 'x', ''],
  ])('%s', (place, endpoint, bucket, prefix) => {
    expect(parseS3Place(place)).toMatchObject({ endpoint, bucket, prefix });
  });

  test.each([
    ['s3.amazonaws.com/bucket', undefined],
    ['https://s3.eu-west-1.amazonaws.com/bucket', 'eu-west-1'],
    ['s3-us-gov-west-1.amazonaws.com/bucket', 'us-gov-west-1'],
    ['s3.dualstack.ap-south-2.amazonaws.com/bucket', 'ap-south-2'],
    ['s3.cn-north-1.amazonaws.com.cn/bucket', 'cn-north-1'],
  ])('%s is AWS itself, whose addresses follow from the region', (place, region) => {
    expect(parseS3Place(place)).toMatchObject({ endpoint: undefined, region, bucket: 'bucket' });
  });

  test.each([
    '',
    'bucket',
    'https://host',
    'https:///bucket',
    'https://host/%zz',
    'https://me:word@host/bucket',
  ])('“%s” is refused with an example, and no password is repeated', async (place) => {
    const error = await errorOf(openStorage(`s3:${place}`));
    expect(error).toMatchObject({ code: 'usage', hint: expect.stringMatching(/s3:https|AWS_/) });
    expect(error.message).not.toContain('word@');
  });
});

describe('options behind the address', () => {
  const at = (query: string) => parseS3Place(`https://s3.example.com/bucket/prefix?${query}`);

  test('are read, and leave the place what it is', () => {
    expect(
      at('storage-class=STANDARD_IA&region=eu-x-1&bucket-lookup=dns&retention=compliance:30d'),
    ).toMatchObject({
      bucket: 'bucket',
      prefix: 'prefix',
      region: 'eu-x-1',
      options: {
        storageClass: 'STANDARD_IA',
        bucketLookup: 'dns',
        retention: { mode: 'COMPLIANCE', days: 30 },
      },
    });
    expect(at('').options).toEqual({});
    expect(at('bucket-lookup=auto').options).toEqual({});
  });

  test.each([
    ['storage-clas=STANDARD', 'unknown'],
    ['storage-class=standard', 'no storage class'],
    ['storage-class=GLACIER', 'cannot be read for hours'],
    ['storage-class=DEEP_ARCHIVE', 'cannot be read for hours'],
    ['bucket-lookup=virtual', 'path, dns or auto'],
    ['retention=30d', 'no retention'],
    ['retention=governance:0d', 'no retention'],
    ['retention=governance:30', 'no retention'],
    ['retention=compliance:99999999d', 'no retention'],
    ['region=../x', 'no region'],
  ])('“%s” is refused: %s', (query, said) => {
    expect(() => at(query)).toThrow(said);
  });

  test('go with the request: class, retention and the bucket in the path', async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'some-key', AWS_SECRET_ACCESS_KEY: 'some-hidden-value' });
    const server = await startRefusing();
    server.answerWith((_, response) => response.end());
    const place = `http://127.0.0.1:${server.port}/bucket`;
    const storage = await openS3Storage(`${place}?storage-class=STANDARD_IA&retention=governance:2d`);
    const content = Buffer.from('content');
    await storage.save(named('pack', content), [content]);
    await storage.save(named('lock', content), [content]);
    const [pack, lock] = server.requests.map(({ headers }) => headers);
    expect(pack).toMatchObject({
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-object-lock-mode': 'GOVERNANCE',
      'content-md5': expect.any(String),
    });
    expect(lock).not.toHaveProperty('x-amz-object-lock-mode');
    await storage.close();
    await server.stop();
  });
});

describe('a server that refuses', () => {
  let server: Server;
  let storage: Storage;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  const requests: IncomingMessage[] = [];
  const content = Buffer.from('content');
  const file = named('pack', content);

  beforeEach(async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'some-key', AWS_SECRET_ACCESS_KEY: 'some-hidden-value' });
    requests.length = 0;
    server = createServer((request, response) => {
      requests.push(request);
      request.resume().once('end', () => answer(request, response));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    storage = await openS3Storage(`http://127.0.0.1:${port}/bucket/prefix`);
  });
  afterEach(async () => {
    await storage.close();
    server.closeAllConnections();
    server.close();
  });

  const refuse = (status: number, code: string, more = '') => {
    answer = (_, response) => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>${code}</Code><Message>${code}, plainly.</Message>${more}</Error>`);
    };
  };

  test.each([
    [403, 'AccessDenied', '', 'storage-failed', 's3:PutObject', false],
    [403, 'SignatureDoesNotMatch', '', 'storage-failed', 'AWS_SECRET_ACCESS_KEY', false],
    [403, 'RequestTimeTooSkewed', '', 'storage-failed', 'Set the clock', false],
    [404, 'NoSuchBucket', '', 'storage-failed', 'Check its name', false],
    [507, 'XMinioStorageFull', '', 'disk-full', 'Make room', false],
    [301, 'PermanentRedirect', '<Region>eu-far-1</Region>', 'storage-failed', 'AWS_REGION=eu-far-1', false],
    [503, 'SlowDown', '', 'storage-failed', undefined, true],
    [500, 'InternalError', '', 'storage-failed', undefined, true],
    [400, 'BadDigest', '', 'storage-failed', undefined, true],
    [501, 'NotImplemented', '', 'storage-failed', undefined, false],
  ])('%d %s%s is %s and says what to do', async (status, name, more, code, hint, retryable) => {
    refuse(status, name, more);
    const error = await errorOf(storage.save(file, [content]));
    expect(error).toMatchObject({ code, retryable, facts: { status } });
    expect(error.hint ?? '').toContain(hint ?? '');
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain('some-hidden-value');
  });

  test.each([
    [403, 'AccessDenied', true],
    [405, 'MethodNotAllowed', true],
    [403, 'RequestTimeTooSkewed', undefined],
    [403, 'InvalidAccessKeyId', undefined],
  ])('%d %s to a removal has the fact “denied”: %s', async (status, name, denied) => {
    refuse(status, name);
    const { facts } = await errorOf(storage.remove(file));
    expect(facts['denied']).toBe(denied);
  });

  test('a bucket that is not there holds no files, so that “no repository” can be said', async () => {
    refuse(404, 'NoSuchBucket');
    expect(await storage.size({ type: 'config', name: '' })).toBeUndefined();
    expect(await storage.list('pack')).toEqual([]);
  });

  test('a server that is not there is said to be unreachable, and may come back', async () => {
    const away = await openS3Storage(`http://127.0.0.1:${await freePort()}/bucket`);
    const error = await errorOf(away.list('key'));
    expect(error).toMatchObject({
      code: 'storage-failed',
      retryable: true,
      facts: { reason: 'ECONNREFUSED' },
    });
    expect(error.message).toContain('cannot be reached');
    await away.close();
  });

  test.each([true, false])(
    'an answer cut off (begun: %s) may pass and is never fewer bytes',
    async (hasBegun) => {
      answer = (_, response) => {
        if (hasBegun) response.writeHead(200, { 'content-length': '7' }).write('con');
        setImmediate(() => response.destroy());
      };
      expect(await errorOf(storage.load(file))).toMatchObject({ code: 'storage-failed', retryable: true });
    },
  );

  test('the whole file in answer to a range is not taken for the range', async () => {
    answer = (_, response) => response.writeHead(200, { 'content-length': '7' }).end(content);
    expect(await errorOf(storage.load(file, { offset: 1, length: 2 }))).toMatchObject({
      code: 'storage-failed',
    });
  });

  test('content goes with its SHA-256, so that the server can refuse what changed on its way', async () => {
    answer = (_, response) => response.end();
    await storage.save(file, [content]);
    expect(requests[0]?.headers).toMatchObject({
      'x-amz-content-sha256': file.name,
      'content-length': String(content.length),
    });
    expect(requests[0]?.headers).not.toHaveProperty('x-amz-sdk-checksum-algorithm');
    expect(requests[0]?.url).toContain(`/bucket/prefix/data/${file.name.slice(0, 2)}/${file.name}`);
  });

  test('a server that wants an MD5, as for object lock, gets it, and from then on at once', async () => {
    answer = (request, response) => {
      if (request.headers['content-md5'] !== undefined) response.end();
      else
        response
          .writeHead(400)
          .end(
            '<Error><Code>InvalidRequest</Code><Message>Content-MD5 HTTP header is required</Message></Error>',
          );
    };
    await storage.save(file, [content]);
    await storage.save(file, [content]);
    const sent = requests.map(({ headers }) => headers['content-md5']);
    expect(sent).toEqual([undefined, 'mgNkuembtIDdJeHwKEyFVQ==', 'mgNkuembtIDdJeHwKEyFVQ==']);
  });

  test('a region that the server names is used from then on', async () => {
    answer = (request, response) => {
      if (request.headers.authorization?.includes('/eu-far-1/s3/')) response.end();
      else
        response
          .writeHead(400)
          .end('<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-far-1</Region></Error>');
    };
    await storage.save(file, [content]);
    await storage.save(file, [content]);
    expect(requests).toHaveLength(3);
  });
});
