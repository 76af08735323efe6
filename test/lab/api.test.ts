import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Lab, startLab } from './index.ts';
import { call, make } from './support/call.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await startLab({ machines: 'none', actionMs: 5 });
});
afterEach(() => lab.close());

const server = { name: 'web', server_type: 'cx22', image: 'debian-12', location: 'fsn1' };
const volume = { name: 'data', size: 10, location: 'fsn1' };
const refusal = ({ status, body }: { status: number; body: { error: { code: string } } }) => [
  status,
  body.error.code,
];

describe('lists', () => {
  test('come in pages that say where they stand', async () => {
    for (let number = 1; number <= 7; number++) {
      await make(lab, 'POST', '/placement_groups', { name: `group-${number}`, type: 'spread' });
    }
    const { body } = await call(lab, 'GET', '/placement_groups?page=2&per_page=3');
    expect(body.placement_groups.map(({ name }: { name: string }) => name)).toEqual([
      'group-4',
      'group-5',
      'group-6',
    ]);
    expect(body.meta.pagination).toEqual({
      page: 2,
      per_page: 3,
      previous_page: 1,
      next_page: 3,
      last_page: 3,
      total_entries: 7,
    });
    const last = await call(lab, 'GET', '/placement_groups?page=3&per_page=3');
    expect(last.body.meta.pagination.next_page).toBeNull();
    expect(refusal(await call(lab, 'GET', '/placement_groups?page=0'))).toEqual([422, 'invalid_input']);
  });

  test.each([
    ['app=shop', ['a', 'b']],
    ['app==shop,stage!=test', ['a']],
    ['stage', ['b', 'c']],
    ['!stage', ['a']],
    ['stage in (test, live)', ['b', 'c']],
    ['app,stage notin (live)', ['a', 'b']],
  ])('are narrowed by labels: %s', async (selector, names) => {
    const labels = {
      a: { app: 'shop' },
      b: { app: 'shop', stage: 'test' },
      c: { app: 'blog', stage: 'live' },
    };
    for (const [name, own] of Object.entries(labels)) {
      await make(lab, 'POST', '/placement_groups', { name, type: 'spread', labels: own });
    }
    const path = `/placement_groups?sort=name:asc&label_selector=${encodeURIComponent(selector)}`;
    const { body } = await call(lab, 'GET', path);
    expect(body.placement_groups.map(({ name }: { name: string }) => name)).toEqual(names);
  });
});

describe('refusals have the codes that the provider documents', () => {
  test.each([
    ['an unknown server type', { ...server, server_type: 'cx99' }, 422, 'invalid_input'],
    ['a server type that is gone', { ...server, server_type: 'cx21' }, 422, 'invalid_input'],
    ['an unknown location', { ...server, location: 'moon1' }, 422, 'invalid_input'],
    ['an image of another architecture', { ...server, image: 114_690_388 }, 422, 'invalid_input'],
    ['a name that no host can have', { ...server, name: 'my_server' }, 422, 'invalid_input'],
    ['a volume that is not there', { ...server, volumes: [1] }, 422, 'invalid_input'],
    ['user data above 32 KiB', { ...server, user_data: 'x'.repeat(32_769) }, 422, 'invalid_input'],
  ])('%s', async (_what, body, status, code) => {
    expect(refusal(await call(lab, 'POST', '/servers', body))).toEqual([status, code]);
    expect(lab.state.servers).toEqual([]);
  });

  test('tokens: unknown, and one that may only read', async () => {
    expect(refusal(await call(lab, 'GET', '/servers', undefined, 'wrong'))).toEqual([401, 'unauthorized']);
    expect((await call(lab, 'GET', '/servers', undefined, lab.readonlyToken)).status).toBe(200);
    const change = await call(lab, 'POST', '/volumes', volume, lab.readonlyToken);
    expect(refusal(change)).toEqual([403, 'token_readonly']);
  });

  test('names taken, things missing, in use, locked and protected', async () => {
    const made = (await make(lab, 'POST', '/volumes', volume)).volume;
    expect(refusal(await call(lab, 'POST', '/volumes', volume))).toEqual([409, 'uniqueness_error']);
    expect(refusal(await call(lab, 'GET', '/volumes/7'))).toEqual([404, 'not_found']);
    await make(lab, 'POST', `/volumes/${made.id}/actions/change_protection`, { delete: true });
    expect(refusal(await call(lab, 'DELETE', `/volumes/${made.id}`))).toEqual([423, 'protected']);

    lab.faults.add({ kind: 'slow-actions', delayMs: 200, times: 1 });
    const { server: web } = (await call(lab, 'POST', '/servers', { ...server, volumes: [made.id] })).body;
    expect(refusal(await call(lab, 'DELETE', `/servers/${web.id}`))).toEqual([423, 'locked']);
    await lab.settled();
    await make(lab, 'POST', `/volumes/${made.id}/actions/change_protection`, { delete: false });
    expect(refusal(await call(lab, 'DELETE', `/volumes/${made.id}`))).toEqual([422, 'resource_in_use']);
  });

  test('calls: broken JSON, unknown paths, wrong methods', async () => {
    const broken = await fetch(`${lab.apiUrl}/servers`, {
      method: 'POST',
      headers: { authorization: `Bearer ${lab.token}` },
      body: '{',
    });
    expect(broken.status).toBe(400);
    expect(refusal(await call(lab, 'GET', '/nothing'))).toEqual([404, 'not_found']);
    expect(refusal(await call(lab, 'PUT', '/pricing'))).toEqual([405, 'method_not_allowed']);
  });
});

test('a server takes its own addresses with it and leaves those that it was given', async () => {
  const { primary_ip } = await make(lab, 'POST', '/primary_ips', {
    name: 'kept',
    type: 'ipv4',
    location: 'fsn1',
  });
  const made = await make(lab, 'POST', '/servers', { ...server, public_net: { ipv4: primary_ip.id } });
  expect(made.server.public_net.ipv4.ip).toBe(primary_ip.ip);
  expect(lab.state.primaryIps).toHaveLength(2);
  await make(lab, 'DELETE', `/servers/${made.server.id}`);
  expect(lab.state.primaryIps.map(({ name, server }) => [name, server])).toEqual([['kept', undefined]]);
});

test('answers count down what may be asked yet, and a changing call is written down', async () => {
  const first = await call(lab, 'GET', '/servers');
  expect(first.headers.get('ratelimit-limit')).toBe('3600');
  expect(first.headers.get('ratelimit-remaining')).toBe('3599');
  expect(Number(first.headers.get('ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000 - 1);
  await make(lab, 'POST', '/volumes', volume);
  expect(lab.requests.map(({ method, path, status }) => [method, path, status])).toEqual([
    ['POST', '/volumes', 201],
  ]);
});

test('records of a zone are set, switched and exported, by its name or its ID', async () => {
  const { zone } = await make(lab, 'POST', '/zones', { name: 'example.com', ttl: 300 });
  const a = { name: 'www', type: 'A', ttl: 60, records: [{ value: '203.0.113.1' }] };
  await make(lab, 'POST', '/zones/example.com/rrsets', a);
  expect(refusal(await call(lab, 'POST', `/zones/${zone.id}/rrsets`, a))).toEqual([409, 'uniqueness_error']);
  const wrong = { records: [{ value: 'not an address' }] };
  const path = '/zones/example.com/rrsets/www/A';
  expect(refusal(await call(lab, 'POST', `${path}/actions/set_records`, wrong))).toEqual([
    422,
    'invalid_input',
  ]);
  await make(lab, 'POST', `${path}/actions/set_records`, { records: [{ value: '203.0.113.2' }] });
  await make(lab, 'POST', `${path}/actions/change_ttl`, { ttl: null });
  expect((await call(lab, 'GET', path)).body.rrset).toMatchObject({
    id: 'www/A',
    ttl: null,
    zone: zone.id,
    records: [{ value: '203.0.113.2' }],
  });
  const { zonefile } = (await call(lab, 'GET', `/zones/${zone.id}/zonefile`)).body;
  expect(zonefile).toContain('www\t300\tIN\tA\t203.0.113.2\n');
  await make(lab, 'DELETE', path);
  expect(refusal(await call(lab, 'GET', path))).toEqual([404, 'not_found']);
});
