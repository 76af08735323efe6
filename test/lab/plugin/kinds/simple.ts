import { z } from 'zod';
import { change, look, removeAt } from '../api.ts';
import { body, differs, type Kind, type Props } from '../kind.ts';

/** Labels and name are changed by one PUT wherever they are. */
export async function updateCommon(collection: string, id: string, olds: Props, news: Props): Promise<void> {
  const changed = body({
    ...(differs(olds, news, 'name') ? { name: news['name'] } : {}),
    ...(differs(olds, news, 'labels', { labels: {} }) ? { labels: news['labels'] ?? {} } : {}),
  });
  if (Object.keys(changed).length > 0) await change('PUT', `/${collection}/${id}`, changed);
}

export async function updateProtection(
  collection: string,
  id: string,
  olds: Props,
  news: Props,
): Promise<void> {
  if (!differs(olds, news, 'deleteProtection', { deleteProtection: false })) return;
  await change('POST', `/${collection}/${id}/actions/change_protection`, {
    delete: news['deleteProtection'] ?? false,
  });
}

/** Makes it; resolves to its ID. */
export async function make(collection: string, singular: string, wanted: Props): Promise<string> {
  const answer = await change('POST', `/${collection}`, body(wanted));
  const schema = z.object({ [singular]: z.object({ id: z.number() }) });
  return String(schema.parse(answer)[singular]?.id);
}

/** What is shown of one; undefined when it is gone. */
export async function show<T>(
  collection: string,
  singular: string,
  id: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const answer = await look(`/${collection}/${id}`);
  return answer === undefined ? undefined : z.object({ [singular]: schema }).parse(answer)[singular];
}

export const remover = (collection: string) => (id: string) => removeAt(`/${collection}/${id}`);

const common = { name: z.string(), labels: z.record(z.string(), z.string()) };
const protection = z.object({ delete: z.boolean() });

export const sshKey: Kind = {
  inputs: ['name', 'publicKey', 'labels'],
  replaces: ['publicKey'],
  defaults: { labels: {} },
  create: ({ name, publicKey, labels }) =>
    make('ssh_keys', 'ssh_key', { name, public_key: publicKey, labels }),
  async read(id) {
    const schema = z.object({ ...common, public_key: z.string(), fingerprint: z.string() });
    const key = await show('ssh_keys', 'ssh_key', id, schema);
    if (key === undefined) return undefined;
    const { public_key: publicKey, ...rest } = key;
    return { ...rest, publicKey };
  },
  update: (id, olds, news) => updateCommon('ssh_keys', id, olds, news),
  remove: remover('ssh_keys'),
};

export const network: Kind = {
  inputs: ['name', 'ipRange', 'labels', 'deleteProtection', 'exposeRoutesToVswitch'],
  replaces: [],
  defaults: { labels: {}, deleteProtection: false, exposeRoutesToVswitch: false },
  async create(inputs) {
    const { name, ipRange, labels, exposeRoutesToVswitch } = inputs;
    const wanted = { name, ip_range: ipRange, labels, expose_routes_to_vswitch: exposeRoutesToVswitch };
    const id = await make('networks', 'network', wanted);
    await updateProtection('networks', id, {}, inputs);
    return id;
  },
  async read(id) {
    const schema = z.object({
      ...common,
      ip_range: z.string(),
      protection,
      expose_routes_to_vswitch: z.boolean(),
    });
    const one = await show('networks', 'network', id, schema);
    if (one === undefined) return undefined;
    const { name, labels, ip_range: ipRange } = one;
    return {
      name,
      labels,
      ipRange,
      deleteProtection: one.protection.delete,
      exposeRoutesToVswitch: one.expose_routes_to_vswitch,
    };
  },
  async update(id, olds, news) {
    await updateCommon('networks', id, olds, news);
    await updateProtection('networks', id, olds, news);
    if (differs(olds, news, 'ipRange')) {
      await change('POST', `/networks/${id}/actions/change_ip_range`, { ip_range: news['ipRange'] });
    }
  },
  remove: remover('networks'),
};

/** Its ID is that of the network and its range: `4711-10.0.1.0/24`. */
export const networkSubnet: Kind = {
  inputs: ['networkId', 'type', 'ipRange', 'networkZone', 'vswitchId'],
  replaces: ['networkId', 'type', 'ipRange', 'networkZone', 'vswitchId'],
  defaults: {},
  async create({ networkId, type, ipRange, networkZone, vswitchId }) {
    const wanted = body({ type, ip_range: ipRange, network_zone: networkZone, vswitch_id: vswitchId });
    await change('POST', `/networks/${String(networkId)}/actions/add_subnet`, wanted);
    return `${String(networkId)}-${String(ipRange)}`;
  },
  async read(id) {
    const [networkId = '', ipRange = ''] = id.split('-');
    const subnet = z.object({
      type: z.string(),
      ip_range: z.string(),
      network_zone: z.string(),
      gateway: z.string(),
    });
    const one = await show('networks', 'network', networkId, z.object({ subnets: z.array(subnet) }));
    const found = one?.subnets.find(({ ip_range }) => ip_range === ipRange);
    if (found === undefined) return undefined;
    const { type, network_zone: networkZone, gateway } = found;
    return { networkId: Number(networkId), type, ipRange, networkZone, gateway };
  },
  update: async () => {},
  async remove(id) {
    const [networkId = '', ipRange = ''] = id.split('-');
    if ((await networkSubnet.read(id)) === undefined) return;
    await change('POST', `/networks/${networkId}/actions/delete_subnet`, { ip_range: ipRange });
  },
};

export const primaryIp: Kind = {
  inputs: [
    'name',
    'type',
    'location',
    'datacenter',
    'assigneeId',
    'assigneeType',
    'autoDelete',
    'labels',
    'deleteProtection',
  ],
  replaces: ['type', 'location', 'datacenter', 'assigneeType'],
  defaults: { labels: {}, deleteProtection: false, autoDelete: false },
  async create(inputs) {
    const id = await make('primary_ips', 'primary_ip', {
      name: inputs['name'],
      type: inputs['type'],
      location: inputs['location'],
      datacenter: inputs['datacenter'],
      assignee_type: inputs['assigneeType'] ?? 'server',
      assignee_id: inputs['assigneeId'],
      auto_delete: inputs['autoDelete'] ?? false,
      labels: inputs['labels'],
    });
    await updateProtection('primary_ips', id, {}, inputs);
    return id;
  },
  async read(id) {
    const schema = z.object({
      ...common,
      type: z.string(),
      ip: z.string(),
      assignee_id: z.number().nullable(),
      assignee_type: z.string(),
      auto_delete: z.boolean(),
      location: z.object({ name: z.string() }),
      datacenter: z.object({ name: z.string() }).optional(),
      protection,
    });
    const one = await show('primary_ips', 'primary_ip', id, schema);
    if (one === undefined) return undefined;
    const { name, labels, type, ip, location, datacenter } = one;
    return body({
      name,
      labels,
      type,
      // Of IPv6 the first address of the network, and the network.
      ipAddress: ip.replace(/\/64$/, ''),
      ipNetwork: type === 'ipv6' ? `${ip.replace(/\/64$/, '')}/64` : '',
      assigneeId: one.assignee_id ?? 0,
      assigneeType: one.assignee_type,
      autoDelete: one.auto_delete,
      location: location.name,
      datacenter: datacenter?.name,
      deleteProtection: one.protection.delete,
    });
  },
  async update(id, olds, news) {
    await updateCommon('primary_ips', id, olds, news);
    await updateProtection('primary_ips', id, olds, news);
    if (differs(olds, news, 'autoDelete', { autoDelete: false })) {
      await change('PUT', `/primary_ips/${id}`, { auto_delete: news['autoDelete'] ?? false });
    }
  },
  remove: remover('primary_ips'),
};
