import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { Event } from '../../src/events.ts';
import { RemoteStorage, type AskStorage } from '../../src/storage/remote.ts';
import { isLoopback, type StorageFile } from '../../src/storage/storage.ts';
import { seeded } from '../support/random.ts';

const content = Buffer.from(seeded(7).bytes(1_000_000));
const pack: StorageFile = { type: 'pack', name: createHash('sha256').update(content).digest('hex') };

/** The place as the host would reach it, by HTTP; `answer` says how it behaves. */
async function withPlace<T>(answer: RequestListener, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    // oxlint-disable-next-line no-unsafe-type-assertion -- it listens on a port.
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/file?signature=secret`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const ranges: RequestListener = ({ headers }, response) => {
  const [, first = '', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  response.writeHead(206).end(content.subarray(Number(first), Number(last) + 1));
};

function remoteFor(link: string | null) {
  const asked: string[] = [];
  const events: Event[] = [];
  const ask: AskStorage = async (method, { range }) => {
    asked.push(method);
    if (method === 'link') return { result: link, body: Buffer.alloc(0) };
    if (method === 'size') return { result: content.length, body: Buffer.alloc(0) };
    const { offset, length } = range ?? { offset: 0, length: content.length };
    return { result: undefined, body: content.subarray(offset, offset + length) };
  };
  const storage = new RemoteStorage('s3:https://host/bucket', ask, (event) => events.push(event));
  return { storage, asked, events };
}

const load = (storage: RemoteStorage) => storage.load(pack, { offset: 1000, length: 500_000 });
const wanted = content.subarray(1000, 501_000);

describe('the short way for data', () => {
  test('is taken where there is a link, and the operator is asked for nothing but that', async () => {
    await withPlace(ranges, async (url) => {
      const { storage, asked, events } = remoteFor(url);
      expect((await load(storage)).equals(wanted)).toBe(true);
      expect((await load(storage)).equals(wanted)).toBe(true);
      expect((await storage.load(pack)).equals(content)).toBe(true);
      expect(asked).toEqual(['link', 'size']);
      expect(events).toHaveLength(1);
    });
  });

  test.each<[string, RequestListener]>([
    ['refuses', (_request, response) => response.writeHead(403).end('no')],
    ['knows no ranges', (_request, response) => response.writeHead(200).end(content)],
    ['sends elsewhere', (_request, response) => response.writeHead(302, { location: '/x' }).end()],
    ['breaks off', (request, response) => (response.writeHead(206).write('x'), request.destroy())],
    ['sends too little', (_request, response) => response.writeHead(206).end('short')],
    ['sends too much', (_request, response) => response.writeHead(206).end(content)],
  ])('is left for the long one when the place %s, and no link is in what is said', async (_how, answer) => {
    await withPlace(answer, async (url) => {
      const { storage, asked, events } = remoteFor(url);
      for (let count = 0; count < 5; count += 1) expect((await load(storage)).equals(wanted)).toBe(true);
      expect(asked.filter((method) => method === 'link')).toHaveLength(3);
      expect(events).toHaveLength(1);
      expect(JSON.stringify(events)).toMatch(/cannot fetch data .* through this machine/);
      expect(JSON.stringify(events)).not.toContain('signature');
    });
  });

  test('is not asked for again where there is none', async () => {
    const { storage, asked } = remoteFor(null);
    for (let count = 0; count < 3; count += 1) expect((await load(storage)).equals(wanted)).toBe(true);
    expect(asked.filter((method) => method === 'link')).toHaveLength(1);
  });

  test.each([
    'http://localhost:9000',
    'http://127.0.0.1',
    'http://[::1]:1',
    'http://0.0.0.0:9',
    'http://a.localhost',
  ])('%s leads to something else on another machine', (address) => expect(isLoopback(address)).toBe(true));
  test.each(['https://s3.eu-central-1.amazonaws.com', 'http://10.0.0.1', ''])('%s does not', (address) =>
    expect(isLoopback(address)).toBe(false),
  );
});
