import type { Asked, Routes } from '../../support/servers/json-api.ts';

/** Stand-ins for APIs of providers, in the shapes of their documents, as far as the targets read them. */
const tags = (part: string) => [
  'relocate-app:guestbook',
  'relocate-deployment:blue',
  `relocate-part:${part}`,
];
/** As APIs select by one tag: whoever asks for another gets nothing. */
const withTag =
  (name: string, key: string, entries: { tags: string[] }[], more: object = {}) =>
  ({ query }: Asked) => {
    const wanted = query.get(name);
    const chosen = entries.filter((one) => wanted === null || one.tags.includes(wanted));
    return { [key]: chosen, ...more };
  };

const size = (slug: string, vcpus: number, memory: number, more: object = {}) => ({
  slug,
  vcpus,
  memory,
  disk: 80,
  price_monthly: memory / 170,
  price_hourly: memory / 170 / 672,
  regions: ['fra1', 'nyc3'],
  available: true,
  ...more,
});

const digitalocean = (exists: boolean): Routes => {
  const some = <Entry>(...entries: Entry[]): Entry[] => (exists ? entries : []);
  return {
    '/v2/account': { account: { status: 'active', status_message: '', droplet_limit: 10 } },
    '/v2/regions': { regions: [{ slug: 'fra1', name: 'Frankfurt 1', available: true }] },
    '/v2/sizes': { sizes: [size('s-1vcpu-1gb', 1, 1024), size('s-2vcpu-4gb', 2, 4096)] },
    '/v2/droplets': withTag(
      'tag_name',
      'droplets',
      some({ id: 7, name: 'blue', tags: tags('server'), size_slug: 's-2vcpu-4gb' }),
      { meta: { total: 1 } },
    ),
    '/v2/volumes': {
      volumes: some({ id: 'vol-1', name: 'blue-volume', tags: tags('volume'), droplet_ids: [7] }),
    },
    '/v2/reserved_ips': { reserved_ips: some({ ip: '203.0.113.9', droplet: { id: 7 } }) },
    '/v2/firewalls': { firewalls: some({ id: 'fw-1', name: 'blue-firewall' }) },
    '/v2/account/keys': { ssh_keys: some({ id: 5, name: 'blue-key' }) },
    '/v2/vpcs': { vpcs: some({ id: 'vpc-1', name: 'blue-network' }) },
  };
};

const plan = (id: string, vcpu_count: number, ram: number) => ({
  id,
  vcpu_count,
  ram,
  disk: 80,
  monthly_cost: ram / 100,
  type: 'vc2',
  locations: ['fra'],
});

const vultr = (exists: boolean): Routes => {
  const some = <Entry>(...entries: Entry[]): Entry[] => (exists ? entries : []);
  return {
    '/v2/account': { account: { balance: -20 } },
    '/v2/regions': { regions: [{ id: 'fra', city: 'Frankfurt', country: 'DE' }] },
    '/v2/plans': { plans: [plan('vc2-1c-1gb', 1, 1024), plan('vc2-2c-4gb', 2, 4096)] },
    '/v2/regions/fra/availability': { available_plans: ['vc2-1c-1gb', 'vc2-2c-4gb'] },
    '/v2/instances': withTag(
      'tag',
      'instances',
      some({ id: 'i-1', label: 'blue', tags: tags('server'), plan: 'vc2-2c-4gb' }),
    ),
    '/v2/blocks': { blocks: some({ id: 'b-1', label: 'blue-volume' }) },
    '/v2/reserved-ips': { reserved_ips: some({ id: 'r-1', label: 'blue-address' }) },
    '/v2/firewalls': { firewall_groups: some({ id: 'f-1', description: 'blue-firewall' }) },
    '/v2/ssh-keys': { ssh_keys: some({ id: 'k-1', name: 'blue-key' }) },
  };
};

const linodeType = (id: string, vcpus: number, memory: number) => ({
  id,
  vcpus,
  memory,
  disk: 81_920,
  price: { hourly: memory / 100_000, monthly: memory / 170 },
  region_prices: [],
});

const linode = (exists: boolean): Routes => {
  const some = <Entry>(...entries: Entry[]) => ({ data: exists ? entries : [] });
  return {
    '/v4/profile': { username: 'ops' },
    '/v4/regions': {
      data: [
        { id: 'de-fra-2', label: 'Frankfurt 2, DE', status: 'ok', capabilities: ['Linodes', 'Metadata'] },
      ],
    },
    '/v4/linode/types': { data: [linodeType('g6-nanode-1', 1, 1024), linodeType('g6-standard-2', 2, 4096)] },
    '/v4/volumes/types': { data: [{ price: { hourly: 0.00015, monthly: 0.1 }, region_prices: [] }] },
    '/v4/regions/de-fra-2/availability': () => ({
      status: 200,
      body: [{ plan: 'g6-nanode-1', available: false }],
    }),
    '/v4/linode/instances': some({ id: 7, label: 'blue', tags: tags('server'), type: 'g6-standard-2' }),
    '/v4/volumes': some({ id: 8, label: 'blue-volume', tags: tags('volume') }),
    '/v4/networking/firewalls': some({ id: 9, label: 'blue-firewall', tags: tags('firewall') }),
    '/v4/profile/sshkeys': some({ id: 10, label: 'blue-key' }),
  };
};

const scalewayType = (ncpus: number, ram: number) => ({
  ncpus,
  ram,
  arch: 'x86_64',
  hourly_price: ram / 1e12,
});

const scaleway = (exists: boolean): Routes => {
  const some = <Entry>(...entries: Entry[]): Entry[] => (exists ? entries : []);
  const instance = '/instance/v1/zones/fr-par-1';
  return {
    '/account/v3/projects/project-1': { name: 'default' },
    [`${instance}/products/servers`]: {
      servers: { 'PLAY2-PICO': scalewayType(1, 2e9), 'PLAY2-NANO': scalewayType(2, 8e9) },
    },
    [`${instance}/products/servers/availability`]: {
      servers: { 'PLAY2-NANO': { availability: 'available' } },
    },
    [`${instance}/servers`]: withTag(
      'tags',
      'servers',
      some({ id: 'u-1', name: 'blue', tags: tags('server'), commercial_type: 'PLAY2-NANO' }),
    ),
    [`${instance}/ips`]: withTag(
      'tags',
      'ips',
      some({ id: 'u-2', address: '203.0.113.9', tags: tags('address') }),
    ),
    [`${instance}/security_groups`]: withTag(
      'tags',
      'security_groups',
      some({ id: 'u-3', name: 'blue-firewall', tags: tags('firewall') }),
    ),
    '/block/v1/zones/fr-par-1/volumes': withTag(
      'tags',
      'volumes',
      some({ id: 'u-4', name: 'blue-volume', tags: tags('volume') }),
    ),
    '/iam/v1alpha1/ssh-keys': { ssh_keys: some({ id: 'u-5', name: 'blue-key' }) },
  };
};

export const fakes = { digitalocean, vultr, linode, scaleway };
