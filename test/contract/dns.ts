import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sameAnswers, sameSets } from '../../src/dns/names.ts';
import type { DnsZone, RecordSet, ZoneContext } from '../../src/dns/zone.ts';

/** What a provider's own test tells the suite that all providers share. */
export interface DnsCase {
  zone: string;
  /** Starts the server with a zone that holds nothing but what every zone has. */
  start: () => Promise<DnsSite>;
  /** Why credentials can't be tried here; such tests are skipped, and say so. */
  noCredentials?: string;
}

export interface DnsSite {
  /** Opens a zone of that name, as the program does. */
  open: (zone: string, context: ZoneContext) => Promise<DnsZone>;
  environment: Record<string, string>;
  /** The same with credentials that the provider refuses; `open` or `replace` must throw. */
  wrongEnvironment: Record<string, string>;
  stop: () => Promise<void>;
}

/** The promises that every provider keeps. */
export function describeDnsZone(name: string, { zone, start, noCredentials }: DnsCase): void {
  const testCredentials = noCredentials === undefined ? test : test.skip;
  const reason = noCredentials === undefined ? '' : ` (${noCredentials})`;
  describe(name, () => {
    let site: DnsSite;
    beforeAll(async () => {
      site = await start();
    });
    afterAll(async () => {
      await site.stop();
    });
    const context = (environment: Record<string, string>): ZoneContext => ({
      environment,
      signal: new AbortController().signal,
      say: () => {},
    });
    const open = () => site.open(zone, context(site.environment));
    const set = (
      label: string,
      type: RecordSet['type'],
      ttlSeconds: number,
      ...values: string[]
    ): RecordSet => ({
      name: label === '@' ? zone : `${label}.${zone}`,
      type,
      ttlSeconds,
      values,
    });
    const put = async (dns: DnsZone, label: string, ...after: RecordSet[]) => {
      const name = label === '@' ? zone : `${label}.${zone}`;
      await dns.replace({ name, before: await dns.list([name]), after, allowGap: true });
      const now = await dns.list([name]);
      expect({ now, isAsWanted: sameSets(now, after) }).toMatchObject({ isAsWanted: true });
      return now;
    };

    test('a name that has nothing gets a record, another one, and has nothing again', async () => {
      const dns = await open();
      expect(await dns.list([`made.${zone}`])).toEqual([]);
      await put(dns, 'made', set('made', 'A', 300, '192.0.2.1'));
      await put(dns, 'made', set('made', 'A', 60, '192.0.2.2'));
      await put(dns, 'made');
    });

    test('the zone itself is a name like any other', async () => {
      const dns = await open();
      await put(dns, '@', set('@', 'A', 3600, '192.0.2.1'));
      await put(dns, '@', set('@', 'A', 60, '192.0.2.9'));
    });

    test('several addresses become one, and several again', async () => {
      const dns = await open();
      const several = set('many', 'A', 600, '192.0.2.1', '192.0.2.2', '192.0.2.3');
      await put(dns, 'many', several, set('many', 'AAAA', 600, '2001:db8::1', '2001:db8::2'));
      await put(dns, 'many', set('many', 'A', 60, '198.51.100.7'));
      await put(dns, 'many', several, set('many', 'AAAA', 600, '2001:db8::1', '2001:db8::2'));
    });

    test('only the time to live changes', async () => {
      const dns = await open();
      await put(dns, 'kept', set('kept', 'A', 7200, '192.0.2.1', '192.0.2.2'));
      await put(dns, 'kept', set('kept', 'A', 60, '192.0.2.1', '192.0.2.2'));
      await put(dns, 'kept', set('kept', 'A', 7200, '192.0.2.1', '192.0.2.2'));
    });

    test('a CNAME leads elsewhere', async () => {
      const dns = await open();
      await put(dns, 'www', set('www', 'CNAME', 900, 'old-host.example.net'));
      await put(dns, 'www', set('www', 'CNAME', 60, 'new-host.example.org'));
    });

    test('addresses take the place of a CNAME, in one moment or not without being asked', async () => {
      const dns = await open();
      const before = await put(dns, 'swap', set('swap', 'CNAME', 900, 'old-host.example.net'));
      const after = [set('swap', 'A', 60, '198.51.100.7')];
      const name = `swap.${zone}`;
      if (dns.swapsTypes) await dns.replace({ name, before, after });
      else {
        await expect(dns.replace({ name, before, after })).rejects.toMatchObject({ code: 'dns-failed' });
        expect(await dns.list([name])).toEqual(before);
        await dns.replace({ name, before, after, allowGap: true });
      }
      expect(sameAnswers(await dns.list([name]), after)).toBe(true);
      await put(dns, 'swap', set('swap', 'CNAME', 900, 'old-host.example.net'));
    });

    test('what `list` gave comes back as it was', async () => {
      const dns = await open();
      const name = `back.${zone}`;
      const before = await put(dns, 'back', set('back', 'A', 1800, '192.0.2.1', '192.0.2.2'));
      const after = [set('back', 'A', 60, '198.51.100.7')];
      await dns.replace({ name, before, after });
      await dns.replace({ name, before: await dns.list([name]), after: before });
      expect(await dns.list([name])).toEqual(before);
    });

    test('a change by somebody else in between is noticed, and not overwritten', async () => {
      const [dns, other] = [await open(), await open()];
      const name = `contested.${zone}`;
      const before = await put(dns, 'contested', set('contested', 'A', 300, '192.0.2.1'));
      await other.replace({ name, before, after: [set('contested', 'A', 300, '203.0.113.66')] });
      const mine = [set('contested', 'A', 60, '198.51.100.7')];
      await expect(dns.replace({ name, before, after: mine })).rejects.toMatchObject({ code: 'dns-changed' });
      expect((await dns.list([name]))[0]?.values).toEqual(['203.0.113.66']);
    });

    test('names next to it, and other types of it, are left alone', async () => {
      const dns = await open();
      await put(dns, 'near', set('near', 'A', 300, '192.0.2.1'));
      await put(dns, 'www.near', set('www.near', 'A', 300, '192.0.2.2'));
      await put(dns, 'near', set('near', 'A', 60, '198.51.100.7'));
      const both = await dns.list([`near.${zone}`, `www.near.${zone}`]);
      expect(both.map(({ values }) => values[0])).toEqual(['198.51.100.7', '192.0.2.2']);
    });

    test('a zone that is not ours is one clear error', async () => {
      const work = async () => {
        const dns = await site.open('not-ours.example', context(site.environment));
        await dns.list(['www.not-ours.example']);
      };
      await expect(work()).rejects.toMatchObject({ code: 'dns-zone-missing' });
    });

    testCredentials(
      `wrong credentials are one clear error without a secret in it, and change nothing${reason}`,
      async () => {
        const { wrongEnvironment } = site;
        const dns = await open();
        const name = `guarded.${zone}`;
        const before = await put(dns, 'guarded', set('guarded', 'A', 300, '192.0.2.1'));
        const work = async () => {
          const intruder = await site.open(zone, context(wrongEnvironment));
          await intruder.replace({ name, before, after: [set('guarded', 'A', 60, '203.0.113.66')] });
        };
        const error = await work().then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(error).toMatchObject({ code: 'dns-failed' });
        for (const secret of Object.values(wrongEnvironment)) {
          if (!secret.startsWith('http'))
            expect(JSON.stringify([error, String(error)])).not.toContain(secret);
        }
        expect(await dns.list([name])).toEqual(before);
      },
    );

    testCredentials(`without credentials it says which are missing${reason}`, async () => {
      const names = Object.keys(site.environment).filter((one) => /TOKEN|KEY/.test(one));
      const environment = Object.fromEntries(
        Object.entries(site.environment).filter(([one]) => !names.includes(one)),
      );
      await expect(site.open(zone, context(environment))).rejects.toMatchObject({ code: 'usage' });
    });

    test('it knows the zone’s own servers', async () => {
      const servers = await (await open()).nameServers();
      expect(servers.length).toBeGreaterThan(0);
      expect(servers.filter((server) => server.endsWith('.'))).toEqual([]);
    });
  });
}
