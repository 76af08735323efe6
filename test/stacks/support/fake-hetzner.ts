import type { Asked, Routes } from '../../support/servers/json-api.ts';

const amount = (value: number) => ({ net: String(value), gross: String(value) });
const price = (location: string, hour: number) => ({
  location,
  price_hourly: amount(hour),
  price_monthly: amount(hour * 600),
});

function serverType(name: string, cores: number, memory: number, more: object = {}) {
  return {
    id: cores * 100 + memory,
    name,
    cores,
    memory,
    disk: 40,
    architecture: 'x86',
    deprecated: false,
    prices: [price('fsn1', memory / 400), price('hel1', memory / 400)],
    locations: [
      { id: 1, name: 'fsn1', available: true, recommended: true, deprecation: null },
      { id: 2, name: 'hel1', available: false, recommended: true, deprecation: null },
    ],
    ...more,
  };
}

export const hetznerServerTypes = [
  serverType('cx22', 2, 4),
  serverType('cx32', 4, 8),
  serverType('cax11', 2, 4, { architecture: 'arm', prices: [price('fsn1', 0.005)] }),
  serverType('ccx63', 48, 192),
];

const labels = { 'relocate-app': 'guestbook', 'relocate-deployment': 'blue' };
const page = (key: string, entries: unknown[]) => ({
  [key]: entries,
  meta: { pagination: { page: 1, next_page: null } },
});

/** As the API selects: `key==value`. */
function select(key: string, entries: { labels: Record<string, string> }[]) {
  return ({ query }: Asked) => {
    const [name = '', value] = (query.get('label_selector') ?? '').split('==');
    return page(
      key,
      entries.filter(({ labels }) => name === '' || labels[name] === value),
    );
  };
}

function things(servers: object[], volumes: object[], rest: Record<string, object[]>): Routes {
  return {
    '/servers': select('servers', servers as never),
    '/volumes': select('volumes', volumes as never),
    '/primary_ips': select('primary_ips', (rest['primary_ips'] ?? []) as never),
    '/firewalls': select('firewalls', (rest['firewalls'] ?? []) as never),
    '/networks': select('networks', (rest['networks'] ?? []) as never),
    '/ssh_keys': select('ssh_keys', (rest['ssh_keys'] ?? []) as never),
  };
}

const refusal = (status: number, code: string) => ({ status, body: { error: { code, message: code } } });

/** A project with nothing in it, in the shapes of https://docs.hetzner.cloud. */
export const emptyHetzner: Routes = {
  '/locations': page('locations', [
    { id: 1, name: 'fsn1', city: 'Falkenstein', country: 'DE', network_zone: 'eu-central' },
    { id: 2, name: 'hel1', city: 'Helsinki', country: 'FI', network_zone: 'eu-central' },
  ]),
  '/server_types': page('server_types', hetznerServerTypes),
  '/pricing': {
    pricing: {
      currency: 'EUR',
      vat_rate: '19.00',
      volume: { price_per_gb_month: amount(0.0524) },
      primary_ips: [{ type: 'ipv4', prices: [price('fsn1', 0.0008)] }],
    },
  },
  'DELETE /ssh_keys/0': refusal(404, 'not_found'),
  ...things([], [], {}),
};

const part = (name: string) => ({ ...labels, 'relocate-part': name });

/** The deployment `blue`, all of it. */
export const blueAtHetzner: Routes = things(
  [
    {
      id: 7,
      name: 'blue',
      labels: part('server'),
      server_type: { name: 'cx32' },
      protection: { delete: false },
    },
  ],
  [
    {
      id: 8,
      name: 'blue-volume',
      labels: part('volume'),
      size: 300,
      server: 7,
      protection: { delete: true },
    },
  ],
  {
    primary_ips: [
      { id: 9, name: 'blue-address', labels: part('address') },
      { id: 10, name: 'blue-address6', labels: part('address6') },
    ],
    firewalls: [{ id: 11, name: 'blue-firewall', labels: part('firewall') }],
    networks: [
      { id: 12, name: 'blue-network', labels: part('network'), subnets: [{ ip_range: '10.0.1.0/24' }] },
    ],
    ssh_keys: [{ id: 13, name: 'blue-key', labels: part('key') }],
  },
);
