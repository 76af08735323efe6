import { describe, expect, test } from '@jest/globals';
import { parse, problemsOf, refusal } from './support.ts';

const head = 'app: shop\ncode: .\n';

describe('dns', () => {
  test('has defaults for all but zone and provider', async () => {
    const app = await parse(`${head}dns: { zone: Example.COM., provider: hetzner }\n`);
    expect(app.dns).toEqual({
      zone: 'example.com',
      names: ['example.com'],
      ttlSeconds: 60,
      servers: undefined,
      provider: { kind: 'hetzner' },
    });
    expect((await parse(head)).dns).toBeUndefined();
  });

  test.each([
    ['cloudflare', { kind: 'cloudflare' }],
    ['{ digitalocean: {} }', { kind: 'digitalocean' }],
    ['{ route53: { zoneId: Z1 } }', { kind: 'route53', zoneId: 'Z1' }],
    [
      '{ rfc2136: { server: "127.0.0.1:5353", keyFile: tsig.key } }',
      { kind: 'rfc2136', server: '127.0.0.1:5353', keyFile: '/srv/app/tsig.key' },
    ],
    ['{ file: zones/shop }', { kind: 'file', path: '/srv/app/zones/shop', edit: false }],
    [
      '{ file: { path: /etc/zone, edit: true, reload: rndc reload } }',
      { kind: 'file', path: '/etc/zone', edit: true, reload: 'rndc reload' },
    ],
  ])('the provider %s', async (text, provider) => {
    const app = await parse(`${head}dns: { zone: example.com, provider: ${text} }\n`);
    expect(app.dns?.provider).toEqual(provider);
  });

  test('takes variables, several names, a time to live and servers', async () => {
    const text = `${head}dns:
  zone: \${ZONE}
  names: ['www.\${ZONE}', example.com, WWW.example.com]
  provider: cloudflare
  ttl: 2m
  servers: ["ns1.example.com", "[2001:db8::53]:5353"]
`;
    expect((await parse(text, { environment: { ZONE: 'example.com' } })).dns).toMatchObject({
      names: ['www.example.com', 'example.com'],
      ttlSeconds: 120,
      servers: ['ns1.example.com', '[2001:db8::53]:5353'],
    });
  });

  test('what is wrong is told with its place', async () => {
    const text = `${head}dns:
  zone: example.com
  names: [shop.example.org, "www example.com"]
  provider: { file: { path: zone, reload: rndc reload } }
  ttl: 0s
`;
    expect(problemsOf(await refusal(text))).toEqual([
      expect.stringContaining('must be a whole name such as "www.example.com"'),
      expect.stringContaining('must be between "1s" and "1d"'),
    ]);
    const second = text.replace(', "www example.com"', '').replace('ttl: 0s', 'ttl: 1s');
    expect(problemsOf(await refusal(second))).toEqual([
      '5:11 is not in the zone example.com',
      '6:43 nothing is reloaded where nothing is edited: add "edit: true"',
    ]);
    expect(problemsOf(await refusal(`${head}dns: { zone: example.com, provider: godaddy }\n`))).toEqual([
      expect.stringContaining('hetzner'),
    ]);
  });
});
