import { describe, expect, test } from '@jest/globals';
import { openDigitalOcean } from '../../src/dns/digitalocean.ts';
import { describeDnsZone } from '../contract/dns.ts';
import { startDigitalOcean } from '../support/servers/dns-api.ts';

const zone = 'example.com';
type Server = Awaited<ReturnType<typeof startDigitalOcean>>;
const environmentOf = ({ url, token }: Server) => ({ DIGITALOCEAN_API_URL: url, DIGITALOCEAN_TOKEN: token });

describeDnsZone('DigitalOcean, played by a server of our own', {
  zone,
  start: async () => {
    const server = await startDigitalOcean(zone);
    return {
      open: openDigitalOcean,
      environment: environmentOf(server),
      wrongEnvironment: { ...environmentOf(server), DIGITALOCEAN_TOKEN: 'a wrong token' },
      stop: () => server.stop(),
    };
  },
});

describe('DigitalOcean, in particular (a server of our own)', () => {
  test('records that are too many go last, so that the name has an answer at every moment', async () => {
    const server = await startDigitalOcean(zone);
    try {
      const name = `www.${zone}`;
      const context = {
        environment: environmentOf(server),
        signal: new AbortController().signal,
        say: () => {},
      };
      const dns = await openDigitalOcean(zone, context);
      const set = (...values: string[]) => [{ name, type: 'A' as const, ttlSeconds: 600, values }];
      await dns.replace({ name, before: [], after: set('192.0.2.1', '192.0.2.2') });
      server.requests.length = 0;
      await dns.replace({ name, before: await dns.list([name]), after: set('198.51.100.7') });
      const made = server.requests.filter((one) => !one.startsWith('GET')).map((one) => one.split(' ')[0]);
      expect(made).toEqual(['PUT', 'DELETE']);
    } finally {
      await server.stop();
    }
  });
});
