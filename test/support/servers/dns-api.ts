import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Stand-ins for the DNS of providers that can't be had on a test machine. They are written from the providers' own
 * documentation, and show that our requests fit it; not that the providers take them.
 */
export interface DnsApi {
  url: string;
  token: string;
  /** Made in the order asked for: `PUT /v2/…`. */
  requests: string[];
  /** Answers the next requests with these statuses, before anything is done. */
  fail(...statuses: number[]): void;
  stop(): Promise<void>;
}

interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
}

export interface Reply {
  status: number;
  body?: unknown;
}

/** Serves JSON to whoever has the token. */
export async function startDnsApi(
  answer: (request: Request) => Reply,
  refusal: (status: number) => unknown,
): Promise<DnsApi> {
  const token = 'a token that nobody else has';
  const requests: string[] = [];
  const failures: number[] = [];
  const server = createServer((request, response) => {
    const reply = async (): Promise<Reply & { headers?: Record<string, string> }> => {
      const text = await textOf(request);
      const url = new URL(request.url ?? '/', 'http://localhost');
      const method = request.method ?? '';
      requests.push(`${method} ${url.pathname}`);
      const failure = failures.shift();
      if (failure !== undefined)
        return { status: failure, body: refusal(failure), headers: { 'retry-after': '0' } };
      if (request.headers.authorization !== `Bearer ${token}`) return { status: 401, body: refusal(401) };
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      return answer({ method, path: url.pathname, query: url.searchParams, body });
    };
    const send = async () => {
      const { status, body, headers } = await reply();
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    void send();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    requests,
    fail: (...statuses) => void failures.push(...statuses),
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await Promise.resolve();
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

interface CloudflareRecord {
  id: string;
  name: string;
  type: string;
  content: string;
  ttl: number;
  proxied: boolean;
  comment?: string | null;
  tags?: string[];
}

interface CloudflareBatch {
  deletes?: { id: string }[];
  patches?: (Partial<CloudflareRecord> & { id: string })[];
  posts?: Omit<CloudflareRecord, 'id'>[];
}

/** Cloudflare's zones and records; a batch is all or nothing, in its documented order. */
export async function startCloudflare(zone: string): Promise<DnsApi & { records: () => CloudflareRecord[] }> {
  let records: CloudflareRecord[] = [];
  let count = 0;
  const failed = (status: number, message: string): Reply => ({ status, body: errors(status, message) });
  const errors = (code: number, message: string) => ({
    success: false,
    errors: [{ code, message }],
    result: null,
  });
  const api = await startDnsApi(
    ({ method, path, query, body }) => {
      if (path === '/zones') {
        const found = [{ id: 'zone-1', name: zone, name_servers: ['ada.ns.example', 'bob.ns.example'] }];
        const name = query.get('name');
        return { status: 200, body: { result: found.filter((one) => name === null || one.name === name) } };
      }
      if (path === '/zones/zone-1/dns_records' && method === 'GET') {
        const name = query.get('name.exact');
        const size = Math.min(2, Number(query.get('per_page')));
        const page = Number(query.get('page'));
        const all = records.filter((one) => name === null || one.name === name);
        const result = all.slice((page - 1) * size, page * size);
        const total_pages = Math.ceil(all.length / size);
        return { status: 200, body: { success: true, result, result_info: { page, total_pages } } };
      }
      if (path !== '/zones/zone-1/dns_records/batch' || method !== 'POST')
        return failed(404, 'no such route');
      const { deletes = [], patches = [], posts = [] } = body as CloudflareBatch;
      let next = records;
      const known = (id: string) => next.some((one) => one.id === id);
      if (![...deletes, ...patches].every(({ id }) => known(id)))
        return failed(400, 'Record does not exist.');
      next = next.filter(({ id }) => !deletes.some((one) => one.id === id));
      next = next.map((one) => ({ ...one, ...patches.find(({ id }) => id === one.id) }));
      next = [...next, ...posts.map((one) => ({ ...one, id: `record-${(count += 1)}` }))];
      if (next.some(({ ttl }) => ttl !== 1 && (ttl < 60 || ttl > 86_400)))
        return failed(400, 'TTL must be 1 or 60–86400.');
      const clash = next.some((one) =>
        next.some((other) => one !== other && one.name === other.name && one.type === 'CNAME'),
      );
      if (clash) return failed(400, 'A CNAME record with that host already exists.');
      const twins = new Set(next.map(({ name, type, content }) => `${name} ${type} ${content}`)).size;
      if (twins !== next.length) return failed(400, 'An identical record already exists.');
      records = next;
      return { status: 200, body: { success: true, result: {} } };
    },
    (status) => errors(status, status === 401 ? 'Invalid API Token' : 'try later'),
  );
  return { ...api, records: () => records };
}

interface DigitalOceanRecord {
  id: number;
  type: string;
  name: string;
  data: string;
  ttl: number;
}

/** DigitalOcean's domains and records. */
export async function startDigitalOcean(
  zone: string,
): Promise<DnsApi & { records: () => DigitalOceanRecord[] }> {
  let records: DigitalOceanRecord[] = [
    'ns1.digitalocean.com',
    'ns2.digitalocean.com',
    'ns3.digitalocean.com',
  ].map((data, index) => ({ id: index + 1, type: 'NS', name: '@', data, ttl: 1800 }));
  let count = 10;
  const failed = (status: number, message: string): Reply => ({ status, body: { id: 'error', message } });
  const base = `/v2/domains/${zone}`;
  const api = await startDnsApi(
    ({ method, path, query, body }) => {
      if (path === '/v2/domains') return { status: 200, body: { domains: [{ name: zone, ttl: 1800 }] } };
      if (path === base) return { status: 200, body: { domain: { name: zone, ttl: 1800 } } };
      if (!path.startsWith(`${base}/records`))
        return failed(404, 'The resource you were accessing could not be found.');
      const id = Number(path.slice(`${base}/records/`.length));
      const there = records.find((one) => one.id === id);
      if (method === 'GET') {
        const size = Math.min(4, Number(query.get('per_page')));
        const page = Number(query.get('page'));
        const domain_records = records.slice((page - 1) * size, page * size);
        const pages = page * size < records.length ? { next: 'https://api.example/next' } : {};
        return { status: 200, body: { domain_records, links: { pages }, meta: { total: records.length } } };
      }
      if (method !== 'POST' && there === undefined)
        return failed(404, 'The resource you requested could not be found.');
      if (method === 'DELETE') {
        records = records.filter((one) => one !== there);
        return { status: 204 };
      }
      const given = body as Omit<DigitalOceanRecord, 'id'>;
      if (given.ttl < 30) return failed(422, 'TTL must be at least 30.');
      if (given.type === 'CNAME' && !given.data.endsWith('.'))
        return failed(422, 'CNAME data needs to end with a dot (.)');
      const one = { ...given, data: given.data.replace(/\.$/, ''), id: there?.id ?? (count += 1) };
      const others = records.filter((other) => other !== there && other.name === one.name);
      if (
        others.some(
          ({ type }) =>
            (type === 'CNAME') !== (one.type === 'CNAME') && ['A', 'AAAA', 'CNAME'].includes(type),
        )
      )
        return failed(422, 'CNAME records cannot share a name with other records');
      records =
        there === undefined ? [...records, one] : records.map((other) => (other === there ? one : other));
      return { status: method === 'POST' ? 201 : 200, body: { domain_record: one } };
    },
    (status) => ({ id: 'error', message: status === 401 ? 'Unable to authenticate you' : 'try later' }),
  );
  return { ...api, records: () => records };
}
