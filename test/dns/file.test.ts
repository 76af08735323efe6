import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseZone, replaceSets, setsOf } from '../../src/dns/file-text.ts';
import { openFile } from '../../src/dns/file.ts';
import type { RecordSet } from '../../src/dns/zone.ts';
import { describeDnsZone } from '../contract/dns.ts';
import { bindReason, hasBind, startBind } from '../support/servers/bind.ts';

const zone = 'example.com';
const text = `; the zone of the shop, do not lose the comments
$TTL 1h
@       IN SOA ns1 admin (
                2026010101 ; serial
                1h 15m 2w 60 )
        IN NS  ns1
        IN NS  ns2.example.net.
        300 A  192.0.2.1     ; the old host
            A  192.0.2.2
        IN MX 10 mail
www     CNAME @
ns1     A 192.0.2.53
$ORIGIN sub.example.com.
deep    1w IN AAAA 2001:DB8:0:0::1
        TXT "semi;colon and (braces)" "more"
`;
const name = zone;
const to: RecordSet[] = [{ name, type: 'A', ttlSeconds: 60, values: ['198.51.100.7'] }];
const noon = new Date('2026-01-31T12:00:00Z');

describe('a zone file', () => {
  test('is read with its names, times to live and continued lines', () => {
    const read = parseZone(text, zone);
    expect(setsOf(read, [zone, `www.${zone}`, `deep.sub.${zone}`])).toEqual([
      { name: `deep.sub.${zone}`, type: 'AAAA', ttlSeconds: 604_800, values: ['2001:db8::1'] },
      { name: zone, type: 'A', ttlSeconds: 300, values: ['192.0.2.1', '192.0.2.2'] },
      { name: `www.${zone}`, type: 'CNAME', ttlSeconds: 3600, values: [zone] },
    ]);
  });

  test('is changed in one place; all else stays, and the serial number grows', () => {
    const changed = replaceSets(parseZone(text, zone), name, to, noon);
    expect(changed).toContain('2026013100 ; serial');
    expect(changed).toContain('example.com. 60 IN A 198.51.100.7     ; the old host');
    expect(changed).toContain('; the zone of the shop, do not lose the comments');
    const read = parseZone(changed, zone);
    expect(setsOf(read, [name])).toEqual(to);
    const others = ({ entries }: ReturnType<typeof parseZone>) =>
      entries
        .filter(({ type }) => !['A', 'SOA'].includes(type))
        .map(({ name, type, data }) => [name, type, data]);
    expect(others(read)).toEqual(others(parseZone(text, zone)));
  });

  test.each([
    ['2026013100', '2026013101'],
    ['2026010101', '2026013100'],
    ['17', '18'],
    ['4294967295', '0'],
  ])('the serial number after %s is %s', (before, after) => {
    const one = text.replace('2026010101', before);
    expect(replaceSets(parseZone(one, zone), name, to, noon)).toContain(`${after} ; serial`);
  });

  test.each([
    ['$INCLUDE other.zone\n', /\$INCLUDE is not understood/],
    ['@ IN SOA a b 1 1 1 1 1\nwww ;\n', /no record/],
    ['', /no SOA record/],
  ])('%j is refused rather than half understood', (wrong, message) => {
    expect(() => parseZone(wrong, zone)).toThrow(message);
  });
});

describe('editing it', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-zone-'));
    path = join(folder, 'zone');
    await writeFile(path, text, { mode: 0o640 });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const said: string[] = [];
  const context = {
    environment: {},
    signal: new AbortController().signal,
    say: (one: string) => void said.push(one),
  };

  test('is told to a person where it is not asked for, and the file stays as it is', async () => {
    const dns = await openFile(zone, { path, edit: false }, context);
    await dns.replace({ name, before: await dns.list([name]), after: to });
    expect(said.join('\n')).toContain('  - example.com. 300 IN A 192.0.2.1\n');
    expect(said.join('\n')).toContain('  + example.com. 60 IN A 198.51.100.7');
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  test('keeps the mode, and leaves no draft behind', async () => {
    const dns = await openFile(zone, { path, edit: true }, context);
    await dns.replace({ name, before: await dns.list([name]), after: to });
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await dns.list([name])).toEqual(to);
  });

  test('a reload that fails is an error that says what is done and what is not', async () => {
    const dns = await openFile(zone, { path, edit: true, reload: 'exit 3' }, context);
    const work = dns.replace({ name, before: await dns.list([name]), after: to });
    await expect(work).rejects.toMatchObject({ code: 'dns-failed', facts: { exitCode: 3 } });
    expect(await dns.list([name])).toEqual(to);
  });
});

const withBind = hasBind ? describe : describe.skip;

withBind(`a file that a real BIND serves (${bindReason})`, () => {
  describeDnsZone('as every provider', {
    zone: 'example.test',
    noCredentials: 'a file needs none',
    start: async () => {
      const bind = await startBind([], { isStatic: true });
      return {
        open: (name, context) =>
          openFile(name, { path: bind.zoneFile, edit: true, reload: bind.reload }, context),
        environment: {},
        wrongEnvironment: {},
        stop: () => bind.stop(),
      };
    },
  });

  test('is served as it was edited, after the reload', async () => {
    const bind = await startBind(['www 300 IN A 192.0.2.1'], { isStatic: true });
    try {
      const context = { environment: {}, signal: new AbortController().signal, say: () => {} };
      const dns = await openFile(
        bind.zone,
        { path: bind.zoneFile, edit: true, reload: bind.reload },
        context,
      );
      const www = `www.${bind.zone}`;
      const after = [{ name: www, type: 'A' as const, ttlSeconds: 60, values: ['198.51.100.7'] }];
      await dns.replace({ name: www, before: await dns.list([www]), after });
      let seen: string[] = [];
      for (let tries = 0; tries < 50 && seen[0] !== '198.51.100.7'; tries += 1) {
        seen = await bind.resolver().resolve4(www);
        await new Promise((resolve) => {
          setTimeout(resolve, 50);
        });
      }
      expect(seen).toEqual(['198.51.100.7']);
    } finally {
      await bind.stop();
    }
  });
});
