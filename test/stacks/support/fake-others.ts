import type { Asked, Routes } from '../../support/servers/json-api.ts';

/** Stand-ins for APIs of providers, in the shapes of their documents, as far as the targets read them. */
const labels = (part: string) => ({
  'relocate-app': 'guestbook',
  'relocate-deployment': 'blue',
  'relocate-part': part,
});

const gcp = (exists: boolean): Routes => {
  const project = '/projects/project-1';
  const zone = `${project}/zones/europe-west3-c`;
  const region = `${project}/regions/europe-west3`;
  const some = <Entry>(...entries: Entry[]) => ({ items: exists ? entries : [] });
  /** As `labels.KEY=VALUE` selects. */
  const labelled =
    (...entries: { name: string; machineType?: string; labels: Record<string, string> }[]) =>
    ({ query }: Asked) => {
      const [key = '', value] = (query.get('filter') ?? '').replace('labels.', '').split('=');
      return { items: exists ? entries.filter((one) => one.labels[key] === value) : [] };
    };
  return {
    [`${project}/zones`]: { items: [{ name: 'europe-west3-c', status: 'UP' }] },
    [region]: { quotas: [{ metric: 'CPUS', limit: 8, usage: 2 }] },
    [`${zone}/machineTypes`]: {
      items: [
        { name: 'e2-small', guestCpus: 2, memoryMb: 2048 },
        { name: 'e2-medium', guestCpus: 2, memoryMb: 4096 },
      ],
    },
    [`${zone}/instances`]: labelled({ name: 'blue', machineType: 'x/e2-medium', labels: labels('server') }),
    [`${zone}/disks`]: labelled({ name: 'blue-volume', labels: labels('volume') }),
    [`${region}/addresses`]: labelled({ name: 'blue-address', labels: labels('address') }),
    [`${project}/global/firewalls`]: some({ name: 'blue-firewall' }, { name: 'blue-interface' }),
    [`${region}/subnetworks`]: some({ name: 'blue-subnet' }),
    [`${project}/global/networks`]: some({ name: 'blue-network' }, { name: 'default' }),
  };
};

const capabilities = (cores: number, memory: number) => [
  { name: 'vCPUs', value: String(cores) },
  { name: 'MemoryGB', value: String(memory) },
  { name: 'CpuArchitectureType', value: 'x64' },
];

const azure = (exists: boolean): Routes => {
  const subscription = '/subscriptions/subscription-1';
  const group = `${subscription}/resourceGroups/blue-group`;
  const resource = (type: string, part: string) => ({
    id: `${group}/providers/${type}/blue-${part}`,
    name: part === 'server' ? 'blue' : `blue-${part}`,
    type,
    tags: labels(part),
  });
  return {
    'POST /tenant-1/oauth2/v2.0/token': { access_token: 'token-4711' },
    [`${subscription}/locations`]: {
      value: [{ name: 'germanywestcentral', displayName: 'Germany West Central' }],
    },
    [`${subscription}/providers/Microsoft.Compute/skus`]: {
      value: [
        { name: 'Standard_B1s', resourceType: 'virtualMachines', capabilities: capabilities(1, 1) },
        { name: 'Standard_B2s', resourceType: 'virtualMachines', capabilities: capabilities(2, 4) },
        { name: 'Premium_LRS', resourceType: 'disks' },
      ],
    },
    [`${subscription}/providers/Microsoft.Compute/locations/germanywestcentral/usages`]: {
      value: [{ name: { value: 'cores' }, currentValue: 2, limit: 10 }],
    },
    [`${subscription}/resourcegroups`]: ({ query }) => {
      const [, key = '', value] =
        /tagName eq '(.+)' and tagValue eq '(.+)'/.exec(query.get('$filter') ?? '') ?? [];
      const own: Record<string, string> = labels('group');
      const isAsked = exists && own[key] === value;
      return { value: isAsked ? [{ id: group, name: 'blue-group', tags: own }] : [] };
    },
    [`${group}/resources`]: {
      value: [
        resource('Microsoft.Network/virtualNetworks', 'network'),
        resource('Microsoft.Network/publicIPAddresses', 'address'),
        resource('Microsoft.Compute/disks', 'volume'),
        resource('Microsoft.Compute/virtualMachines', 'server'),
      ],
    },
  };
};

const flavor = (id: string, name: string, vcpus: number, ram: number, disk: number) => ({
  id,
  name,
  vcpus,
  ram,
  disk,
  available: true,
  osType: 'linux',
});

const ovh = (exists: boolean): Routes => {
  const project = '/cloud/project/project-1';
  const some = <Entry>(...entries: Entry[]) => ({ status: 200, body: exists ? entries : [] });
  return {
    [`${project}/region`]: { status: 200, body: ['GRA11', 'DE1'] },
    [`${project}/flavor`]: {
      status: 200,
      body: [flavor('f-1', 'd2-2', 1, 2000, 25), flavor('f-2', 'b3-8', 2, 8000, 100)],
    },
    [`${project}/image`]: { status: 200, body: [{ id: 'image-1', name: 'Debian 12' }] },
    [`${project}/instance`]: some({ id: 'i-1', name: 'blue' }, { id: 'i-2', name: 'another' }),
    [`${project}/sshkey`]: some({ id: 'k-1', name: 'blue-key' }),
  };
};

export const otherFakes = { gcp, azure, ovh };
