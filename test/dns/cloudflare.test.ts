import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openCloudflare } from '../../src/dns/cloudflare.ts';
import { describeDnsZone } from '../contract/dns.ts';
import { startCloudflare } from '../support/servers/dns-api.ts';

const zone = 'example.com';
type Server = Awaited<ReturnType<typeof startCloudflare>>;
const environmentOf = ({ url, token }: Server) => ({ CLOUDFLARE_BASE_URL: url, CLOUDFLARE_API_TOKEN: token });

describeDnsZone('Cloudflare, played by a server of our own', {
  zone,
  start: async () => {
    const server = await startCloudflare(zone);
    return {
      open: openCloudflare,
      environment: environmentOf(server),
      wrongEnvironment: { ...environmentOf(server), CLOUDFLARE_API_TOKEN: 'a wrong token' },
      stop: () => server.stop(),
    };
  },
});

describe('Cloudflare, in particular (a server of our own)', () => {
  let server: Server;
  beforeEach(async () => {
    server = await startCloudflare(zone);
  });
  afterEach(() => server.stop());
  const open = () =>
    openCloudflare(zone, {
      environment: environmentOf(server),
      signal: new AbortController().signal,
      say: () => {},
    });
  const name = `www.${zone}`;
  const to = (...values: string[]) => [{ name, type: 'A' as const, ttlSeconds: 60, values }];

  test('a record is changed in its place, and keeps its comment and that it is proxied', async () => {
    const dns = await open();
    await dns.replace({ name, before: [], after: to('192.0.2.1') });
    Object.assign(server.records()[0] ?? {}, { proxied: true, ttl: 1, comment: 'keep me', tags: ['a:b'] });
    const [first] = structuredClone(server.records());
    const before = await dns.list([name]);
    expect(before).toMatchObject([{ hidden: true, values: ['192.0.2.1'] }]);
    await dns.replace({ name, before, after: to('198.51.100.7') });
    expect(server.records()).toEqual([{ ...first, content: '198.51.100.7' }]);
    await dns.replace({ name, before: await dns.list([name]), after: before });
    expect(server.records()).toEqual([first]);
  });

  test('all of a name changes in one request', async () => {
    const dns = await open();
    await dns.replace({ name, before: [], after: to('192.0.2.1', '192.0.2.2', '192.0.2.3') });
    const before = await dns.list([name]);
    server.requests.length = 0;
    await dns.replace({ name, before, after: to('198.51.100.7') });
    expect(server.requests.filter((one) => !one.startsWith('GET'))).toEqual([
      'POST /zones/zone-1/dns_records/batch',
    ]);
    expect(server.records()).toHaveLength(1);
  });

  test('a busy provider is waited for; a change that was refused is not sent twice when it may have been made', async () => {
    const dns = await open();
    server.fail(429, 503);
    expect(await dns.list([name])).toEqual([]);
    server.requests.length = 0;
    const replace = dns.replace({ name, before: [], after: to('192.0.2.1') });
    await replace;
    server.requests.length = 0;
    const before = await dns.list([name]);
    const later = dns.replace({ name, before, after: to('198.51.100.7') });
    await later;
    expect(server.requests.filter((one) => one.startsWith('POST'))).toHaveLength(1);
  });
});
