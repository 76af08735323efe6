import { afterEach, describe, expect, test } from '@jest/globals';
import { hetzner } from '../../stacks/hetzner.ts';
import type { DeployRequest } from '../../stacks/target.ts';
import { describeProvider } from '../contract/provider-target.ts';
import { serveJson, type JsonApi, type Routes } from '../support/servers/json-api.ts';
import { useEnvironment } from './support/environment.ts';
import { blueAtHetzner, emptyHetzner } from './support/fake-hetzner.ts';
import { requestFor } from './support/request.ts';
import { runMocked } from './support/mocked-stack.ts';

const ids = ['key', 'network', 'firewall', 'address', 'address6', 'volume', 'server', 'attachment'];
const idOf = (name: string) => (name === 'subnet' ? '12-10.0.1.0/24' : String(100 + ids.indexOf(name)));
const outputs = ({ name }: { name: string }) => (name === 'address' ? { ipAddress: '127.0.0.2' } : {});
const environmentAt = (url: string) => ({ HCLOUD_ENDPOINT: url, HCLOUD_TOKEN: 'token-4711' });

describeProvider({
  target: hetzner,
  options: {},
  wrongOptions: [
    { locatoin: 'fsn1' },
    { location: '' },
    { sshFrom: ['everywhere'] },
    { volumeGigabytes: 0 },
    false,
  ],
  routes: emptyHetzner,
  environment: environmentAt,
  credentials: ['HCLOUD_TOKEN'],
  existing: {
    routes: blueAtHetzner,
    takenOver: {
      key: '13',
      network: '12',
      subnet: '12-10.0.1.0/24',
      address: '9',
      address6: '10',
      firewall: '11',
      volume: '8',
      server: '7',
      attachment: '8',
    },
  },
  probes: ({ method, path }) => method === 'DELETE' && path === '/ssh_keys/0',
  outputs,
  idOf,
  userData: (made) => String(made.find(({ name }) => name === 'server')?.inputs['userData']),
  labelsOf: ({ inputs }) => inputs['labels'],
  tellsPrice: true,
});

const environment = useEnvironment();
let api: JsonApi | undefined;
afterEach(() => api?.close());

async function serve(more: Routes = {}): Promise<JsonApi> {
  await api?.close();
  api = await serveJson({ ...emptyHetzner, ...more });
  environment.set(environmentAt(api.url));
  return api;
}

describe('preflight at Hetzner', () => {
  async function look(given: object, request: Partial<DeployRequest> = {}, routes: Routes = {}) {
    await serve(routes);
    const findings = await hetzner.preflight(hetzner.options.parse(given), requestFor('blue', request));
    return findings.filter(({ level }) => level === 'refused');
  }
  const refusal = (status: number, code: string) => ({ status, body: { error: { code, message: code } } });

  test('a token that may only read is refused before anything is made', async () => {
    const readonly = { 'DELETE /ssh_keys/0': refusal(403, 'token_readonly') };
    expect(await look({}, {}, readonly)).toMatchObject([
      {
        code: 'permissions',
        message: 'The token may only read',
        hint: expect.stringContaining('HCLOUD_TOKEN'),
      },
    ]);
  });

  test('a token that is wrong is refused', async () => {
    expect(await look({}, {}, { '/locations': refusal(401, 'unauthorized') })).toMatchObject([
      { code: 'credentials', hint: expect.stringContaining('HCLOUD_TOKEN') },
    ]);
  });

  test('an unknown location is refused with those there are', async () => {
    expect(await look({ location: 'muc1' })).toMatchObject([
      { code: 'location', hint: 'There are: fsn1 (Falkenstein), hel1 (Helsinki).' },
    ]);
  });

  test('an unknown server type is refused with those there are', async () => {
    expect(await look({ serverType: 'cx99' })).toMatchObject([
      { code: 'server-type', hint: expect.stringContaining('cx22, cx32, cax11') },
    ]);
  });

  test('a location without stock is refused', async () => {
    expect(await look({ location: 'hel1' })).toMatchObject([{ code: 'stock' }]);
    expect(await look({ location: 'hel1', serverType: 'cx32' })).toMatchObject([{ code: 'stock' }]);
  });

  test('arm images on an x86 machine are refused, and a machine is named that takes them', async () => {
    const needs = { ...requestFor('blue').needs!, architectures: ['arm64' as const] };
    expect(await look({ serverType: 'cx32' }, { needs })).toMatchObject([
      { code: 'architecture', hint: expect.stringContaining('cax11') },
    ]);
  });

  test('the price is of server, volume and address together', async () => {
    await serve();
    const findings = await hetzner.preflight(hetzner.options.parse({}), requestFor('blue'));
    const { price } = findings.find(({ code }) => code === 'price')!;
    // cx22: 0.01 × 600, 45 GB of volume, and the address.
    expect(price?.perMonth).toBeCloseTo(6 + 45 * 0.0524 + 0.48, 2);
  });
});

describe('the stack at Hetzner', () => {
  async function bringUp(given: object, request: Partial<DeployRequest> = {}, routes: Routes = {}) {
    await serve(routes);
    const run = await hetzner.program(hetzner.options.parse(given), requestFor('blue', request));
    const { made } = await runMocked(run, { outputs, idOf });
    return Object.fromEntries(made.map(({ name, inputs }) => [name, inputs]));
  }

  test('lets the world reach what the app exposes, and this machine SSH', async () => {
    const { firewall } = await bringUp({});
    const rules = firewall!['rules'] as {
      port: string;
      protocol: string;
      sourceIps: string[];
      direction: string;
    }[];
    expect(rules.map(({ port, protocol, sourceIps }) => `${port}/${protocol} ${sourceIps.join()}`)).toEqual([
      '22/tcp 127.0.0.1/32',
      '80/tcp 0.0.0.0/0,::/0',
      '443/tcp 0.0.0.0/0,::/0',
      '443/udp 0.0.0.0/0,::/0',
    ]);
    expect(rules.every(({ direction }) => direction === 'in')).toBe(true);
  });

  test('guards the volume of a deploy, and not that of a drill', async () => {
    expect((await bringUp({}))['volume']).toMatchObject({ deleteProtection: true, size: 45 });
    expect((await bringUp({}, { protectData: false }))['volume']).toMatchObject({ deleteProtection: false });
  });

  test('keeps addresses and volume apart from the server, so that they outlive it', async () => {
    const made = await bringUp({});
    expect(made['address']).toMatchObject({ autoDelete: false, type: 'ipv4' });
    expect(made['server']).toMatchObject({ publicNets: [{ ipv4: 103, ipv6: 104 }], serverType: 'cx22' });
    expect(made['attachment']).toEqual({ volumeId: 105, serverId: 106 });
  });

  test('leaves a running app on the machine it has, though another one is cheaper today', async () => {
    const { server, volume } = await bringUp({}, {}, blueAtHetzner);
    expect(server).toMatchObject({ serverType: 'cx32' });
    expect(volume).toMatchObject({ size: 300 });
  });
});

describe('destroying at Hetzner', () => {
  test('lifts the protection first, for the provider’s plugin does not', async () => {
    const { asked } = await serve({ ...blueAtHetzner, 'POST /volumes/8/actions/change_protection': {} });
    await hetzner.release!(hetzner.options.parse({}), requestFor('blue'));
    expect(
      asked.filter(({ method }) => method === 'POST').map(({ path, body }) => `${path} ${body}`),
    ).toEqual(['/volumes/8/actions/change_protection {"delete":false}']);
  });

  test('removes what the state did not know, the server before what hangs on it', async () => {
    const { asked } = await serve({
      ...blueAtHetzner,
      'POST /volumes/8*': {},
      ...Object.fromEntries(
        [
          'servers/7',
          'volumes/8',
          'primary_ips/9',
          'primary_ips/10',
          'firewalls/11',
          'networks/12',
          'ssh_keys/13',
        ].map((path) => [`DELETE /${path}`, {}]),
      ),
    });
    await hetzner.sweep(hetzner.options.parse({}), requestFor('blue'));
    const removed = asked.filter(({ method }) => method === 'DELETE').map(({ path }) => path);
    expect(removed[0]).toBe('/servers/7');
    expect(removed).toHaveLength(7);
    expect(new Set(removed).size).toBe(7);
  });

  test('waits for what is still in use, and says what is left where nothing helps', async () => {
    let refusals = 0;
    const firewalls = { 'DELETE /firewalls/11': () => ((refusals += 1) < 3 ? inUse : {}) };
    const gone = Object.fromEntries(
      ['servers/7', 'volumes/8', 'primary_ips/9', 'primary_ips/10', 'networks/12'].map((path) => [
        `DELETE /${path}`,
        {},
      ]),
    );
    await serve({
      ...blueAtHetzner,
      ...gone,
      ...firewalls,
      'POST /volumes/8*': {},
      'DELETE /ssh_keys/13': { status: 401, body: { error: { code: 'unauthorized', message: 'revoked' } } },
    });
    await expect(hetzner.sweep(hetzner.options.parse({}), requestFor('blue'))).rejects.toMatchObject({
      code: 'provision-failed',
      message: expect.stringContaining('SSH key blue-key'),
      facts: { id: '13' },
    });
    expect(refusals).toBe(3);
  });

  const inUse = { status: 409, body: { error: { code: 'resource_in_use', message: 'still in use' } } };
});
