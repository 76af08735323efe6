import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openHetzner } from '../../src/dns/hetzner.ts';
import { describeDnsZone } from '../contract/dns.ts';
import { type Lab, startLab } from '../lab/index.ts';
import { make } from '../lab/support/call.ts';

const zone = 'example.com';
const contextOf = (lab: Lab, token = lab.token) => ({
  environment: { HCLOUD_ENDPOINT: lab.apiUrl, HCLOUD_TOKEN: token },
  signal: new AbortController().signal,
  say: () => {},
});

describeDnsZone('Hetzner’s zones, in the lab', {
  zone,
  start: async () => {
    const lab = await startLab({ machines: 'none', actionMs: 1 });
    await make(lab, 'POST', '/zones', { name: zone });
    return {
      open: openHetzner,
      environment: contextOf(lab).environment,
      wrongEnvironment: contextOf(lab, lab.readonlyToken).environment,
      stop: () => lab.close(),
    };
  },
});

describe('Hetzner’s zones, in particular', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ machines: 'none', actionMs: 30 });
    const rrsets = [
      {
        name: 'www',
        type: 'A',
        records: [{ value: '192.0.2.1', comment: 'the old host' }, { value: '192.0.2.2' }],
      },
    ];
    await make(lab, 'POST', '/zones', { name: zone, ttl: 7200, rrsets });
  });
  afterAll(() => lab.close());

  test('the zone’s own time to live and comments come back with a rollback', async () => {
    const dns = await openHetzner(zone, contextOf(lab));
    const name = `www.${zone}`;
    const stored = () => lab.state.zones[0]?.rrsets.find((one) => one.name === 'www');
    const first = structuredClone(stored());
    const before = await dns.list([name]);
    expect(before).toMatchObject([{ ttlSeconds: 7200, values: ['192.0.2.1', '192.0.2.2'] }]);
    await dns.replace({
      name,
      before,
      after: [{ name, type: 'A', ttlSeconds: 60, values: ['198.51.100.7'] }],
    });
    expect(stored()).toMatchObject({ ttl: 60, records: [{ value: '198.51.100.7' }] });
    await dns.replace({ name, before: await dns.list([name]), after: before });
    expect(stored()).toEqual(first);
  });

  test('the set is there at every moment: it is changed in its place, and never removed', async () => {
    const dns = await openHetzner(zone, contextOf(lab));
    const name = `www.${zone}`;
    const from = lab.requests.length;
    const before = await dns.list([name]);
    await dns.replace({
      name,
      before,
      after: [{ name, type: 'A', ttlSeconds: 60, values: ['198.51.100.9'] }],
    });
    const made = lab.requests.slice(from).map(({ method, path }) => `${method} ${path.replace(/^\/v1/, '')}`);
    expect(made).toEqual([
      `POST /zones/${zone}/rrsets/www/A/actions/change_ttl`,
      `POST /zones/${zone}/rrsets/www/A/actions/set_records`,
    ]);
  });
});
