import { z } from 'zod';
import { change, removeAt } from '../api.ts';
import { body, differs, type Kind, type Props } from '../kind.ts';
import { make, show, updateCommon } from './simple.ts';

const inputSchema = z.object({
  networks: z
    .array(
      z.object({ networkId: z.number(), ip: z.string().nullish(), aliasIps: z.array(z.string()).nullish() }),
    )
    .default([]),
  publicNets: z
    .array(
      z.object({
        ipv4Enabled: z.boolean().default(true),
        ipv6Enabled: z.boolean().default(true),
        ipv4: z.number().nullish(),
        ipv6: z.number().nullish(),
      }),
    )
    .default([]),
  firewallIds: z.array(z.number()).default([]),
  sshKeys: z.array(z.string()).default([]),
});

const serverSchema = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  status: z.string(),
  server_type: z.object({ name: z.string() }),
  image: z.object({ name: z.string().nullable(), id: z.number() }).nullable(),
  location: z.object({ name: z.string() }),
  datacenter: z.object({ name: z.string() }).optional(),
  primary_disk_size: z.number(),
  protection: z.object({ delete: z.boolean(), rebuild: z.boolean() }),
  public_net: z.object({
    ipv4: z.object({ ip: z.string() }).nullable(),
    ipv6: z.object({ ip: z.string() }).nullable(),
    firewalls: z.array(z.object({ id: z.number() })),
  }),
});

/** Names and IDs may both be given; an ID comes as text. */
const idOrName = (value: string) => (/^\d+$/.test(value) ? Number(value) : value);

async function attachNetworks(id: string, inputs: Props): Promise<void> {
  for (const { networkId, ip, aliasIps } of inputSchema.parse(inputs).networks) {
    const wanted = body({ network: networkId, ip: ip ?? undefined, alias_ips: aliasIps ?? undefined });
    await change('POST', `/servers/${id}/actions/attach_to_network`, wanted);
  }
}

async function updateProtection(id: string, olds: Props, news: Props): Promise<void> {
  const defaults = { deleteProtection: false, rebuildProtection: false };
  if (!Object.keys(defaults).some((key) => differs(olds, news, key, defaults))) return;
  const wanted = { delete: news['deleteProtection'] ?? false, rebuild: news['rebuildProtection'] ?? false };
  await change('POST', `/servers/${id}/actions/change_protection`, wanted);
}

async function updateFirewalls(id: string, olds: Props, news: Props): Promise<void> {
  const server = [{ type: 'server', server: { id: Number(id) } }];
  const before = inputSchema.parse(olds).firewallIds;
  const after = inputSchema.parse(news).firewallIds;
  for (const one of after.filter((other) => !before.includes(other))) {
    await change('POST', `/firewalls/${one}/actions/apply_to_resources`, { apply_to: server });
  }
  for (const one of before.filter((other) => !after.includes(other))) {
    await change('POST', `/firewalls/${one}/actions/remove_from_resources`, { remove_from: server });
  }
}

/** A server changes its type while it is off. */
async function changeType(id: string, news: Props): Promise<void> {
  await change('POST', `/servers/${id}/actions/poweroff`);
  const wanted = { server_type: news['serverType'], upgrade_disk: news['keepDisk'] !== true };
  await change('POST', `/servers/${id}/actions/change_type`, wanted);
  await change('POST', `/servers/${id}/actions/poweron`);
}

export const server: Kind = {
  inputs: [
    'name',
    'serverType',
    'image',
    'location',
    'datacenter',
    'userData',
    'sshKeys',
    'keepDisk',
    'labels',
    'publicNets',
    'networks',
    'firewallIds',
    'placementGroupId',
    'backups',
    'deleteProtection',
    'rebuildProtection',
    'shutdownBeforeDeletion',
    'ignoreRemoteFirewallIds',
    'allowDeprecatedImages',
  ],
  replaces: ['image', 'location', 'datacenter', 'userData', 'sshKeys', 'publicNets', 'placementGroupId'],
  defaults: { labels: {}, deleteProtection: false, rebuildProtection: false },
  async create(inputs) {
    const { publicNets, firewallIds, sshKeys } = inputSchema.parse(inputs);
    const [net] = publicNets;
    const id = await make('servers', 'server', {
      name: inputs['name'],
      server_type: inputs['serverType'],
      image: idOrName(z.string().parse(inputs['image'])),
      location: inputs['location'],
      datacenter: inputs['datacenter'],
      user_data: inputs['userData'],
      ssh_keys: sshKeys.map(idOrName),
      labels: inputs['labels'],
      placement_group: inputs['placementGroupId'],
      firewalls: firewallIds.map((firewall) => ({ firewall })),
      public_net:
        net &&
        body({
          enable_ipv4: net.ipv4Enabled,
          enable_ipv6: net.ipv6Enabled,
          ipv4: net.ipv4 ?? undefined,
          ipv6: net.ipv6 ?? undefined,
        }),
    });
    await attachNetworks(id, inputs);
    await updateProtection(id, {}, inputs);
    return id;
  },
  async read(id) {
    const one = await show('servers', 'server', id, serverSchema);
    if (one === undefined) return undefined;
    const ipv6 = one.public_net.ipv6?.ip ?? '';
    return body({
      name: one.name,
      labels: one.labels,
      status: one.status,
      serverType: one.server_type.name,
      image: one.image?.name ?? String(one.image?.id),
      location: one.location.name,
      datacenter: one.datacenter?.name,
      primaryDiskSize: one.primary_disk_size,
      ipv4Address: one.public_net.ipv4?.ip ?? '',
      ipv6Address: ipv6.replace(/::\/64$/, '::1'),
      ipv6Network: ipv6,
      firewallIds: one.public_net.firewalls.map((firewall) => firewall.id),
      deleteProtection: one.protection.delete,
      rebuildProtection: one.protection.rebuild,
    });
  },
  async update(id, olds, news) {
    await updateCommon('servers', id, olds, news);
    await updateProtection(id, olds, news);
    if (differs(olds, news, 'firewallIds')) await updateFirewalls(id, olds, news);
    if (differs(olds, news, 'serverType')) await changeType(id, news);
    if (!differs(olds, news, 'networks')) return;
    for (const { networkId } of inputSchema.parse(olds).networks) {
      await change('POST', `/servers/${id}/actions/detach_from_network`, { network: networkId });
    }
    await attachNetworks(id, news);
  },
  async remove(id, { shutdownBeforeDeletion }) {
    if (shutdownBeforeDeletion === true) await change('POST', `/servers/${id}/actions/shutdown`);
    await removeAt(`/servers/${id}`);
  },
};
