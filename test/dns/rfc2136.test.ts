import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openRfc2136 } from '../../src/dns/rfc2136.ts';
import type { DnsZone, RecordSet } from '../../src/dns/zone.ts';
import { describeDnsZone } from '../contract/dns.ts';
import { type Bind, bindReason, hasBind, startBind } from '../support/servers/bind.ts';

const withBind = hasBind ? describe : describe.skip;

withBind(`dynamic updates of a real BIND (${bindReason})`, () => {
  describeDnsZone('as every provider', {
    zone: 'example.test',
    start: async () => {
      const bind = await startBind();
      return {
        open: (zone, context) => openRfc2136(zone, { server: bind.server }, context),
        environment: { RELOCATE_TSIG_KEY: bind.keyText },
        wrongEnvironment: { RELOCATE_TSIG_KEY: `relocate:${Buffer.alloc(32, 7).toString('base64')}` },
        stop: () => bind.stop(),
      };
    },
  });

  describe('with its keys', () => {
    let bind: Bind;
    beforeAll(async () => {
      bind = await startBind(['www 300 IN A 192.0.2.1', 'www IN TXT "kept"']);
    });
    afterAll(() => bind.stop());
    const open = (keyFile: string): Promise<DnsZone> =>
      openRfc2136(
        'example.test',
        { server: bind.server, keyFile },
        { environment: {}, signal: new AbortController().signal, say: () => {} },
      );
    const name = 'www.example.test';
    const to = (address: string): RecordSet[] => [{ name, type: 'A', ttlSeconds: 60, values: [address] }];

    test('a key file as tsig-keygen writes it opens the zone; a real resolver sees the change', async () => {
      const dns = await open(bind.keys.right);
      await dns.replace({ name, before: await dns.list([name]), after: to('198.51.100.7') });
      expect(await bind.resolver().resolve4(name, { ttl: true })).toEqual([
        { address: '198.51.100.7', ttl: 60 },
      ]);
      expect(await bind.resolver().resolveTxt(name)).toEqual([['kept']]);
    });

    test.each([
      ['wrong', /TSIG key/],
      ['powerless', /REFUSED/],
    ] as const)('a %s key changes nothing', async (which, message) => {
      const dns = await open(bind.keys[which]);
      const before = await dns.list([name]);
      const work = dns.replace({ name, before, after: to('203.0.113.66') });
      await expect(work).rejects.toMatchObject({
        code: 'dns-failed',
        message: expect.stringMatching(message),
      });
      expect(await dns.list([name])).toEqual(before);
    });

    test('the server itself refuses when another program changed the name', async () => {
      const dns = await open(bind.keys.right);
      const before = await dns.list([name]);
      bind.update(`update delete ${name} A`, `update add ${name} 300 A 203.0.113.66`);
      const work = dns.replace({ name, before, after: to('198.51.100.9') });
      await expect(work).rejects.toMatchObject({ code: 'dns-changed' });
      expect(await bind.resolver().resolve4(name)).toEqual(['203.0.113.66']);
    });
  });

  test.each(['hmac-sha1', 'hmac-sha224', 'hmac-sha384', 'hmac-sha512', 'hmac-md5'])(
    'a key of %s works',
    async (algorithm) => {
      const bind = await startBind(['www 300 IN A 192.0.2.1'], { algorithm });
      try {
        const context = { environment: {}, signal: new AbortController().signal, say: () => {} };
        const keyFile = bind.keys.right;
        const dns = await openRfc2136('example.test', { server: bind.server, keyFile }, context);
        const name = 'www.example.test';
        const after = [{ name, type: 'A' as const, ttlSeconds: 60, values: ['198.51.100.7'] }];
        await dns.replace({ name, before: await dns.list([name]), after });
        expect(await dns.list([name])).toEqual(after);
      } finally {
        await bind.stop();
      }
    },
  );
});

test('a key is never quoted in an error', async () => {
  const context = { environment: {}, signal: new AbortController().signal, say: () => {} };
  const environment = { RELOCATE_TSIG_KEY: 'hmac-sha999:relocate:c2VjcmV0' };
  const work = openRfc2136('example.test', { server: '127.0.0.1' }, { ...context, environment });
  const error = await work.catch((error: unknown) => error);
  expect(error).toMatchObject({ code: 'usage' });
  expect(JSON.stringify([error, String(error)])).not.toContain('c2VjcmV0');
});
