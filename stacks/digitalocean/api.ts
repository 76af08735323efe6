import { z } from 'zod';
import { makeApi, requiredVariable, type Api } from '../cloud/api.ts';
import type { Found } from '../cloud/inventory.ts';
import { readName, readTags, tagFor } from '../cloud/tags.ts';
import type { Labelled } from '../target.ts';

/** https://docs.digitalocean.com/reference/api/; the shapes are the parts that are read here. */
export const provider = 'DigitalOcean';

export function digitaloceanEndpoint(): string {
  return `${(process.env['DIGITALOCEAN_API_URL'] ?? 'https://api.digitalocean.com').replace(/\/+$/, '')}/v2`;
}

const tokenHint =
  'Set DIGITALOCEAN_TOKEN to a personal access token with read and write scope (Control panel: API, Tokens).';
const refusalBody = z.object({ id: z.string(), message: z.string() });

/** Throws `provision-failed` where no token is set. */
export function digitaloceanApi(): Api {
  const token = requiredVariable(provider, 'DIGITALOCEAN_TOKEN', tokenHint);
  return makeApi({
    provider,
    endpoint: digitaloceanEndpoint(),
    headers: () => ({ authorization: `Bearer ${token}` }),
    explain: (body) => {
      const { id: reason, message } = refusalBody.safeParse(body).data ?? {};
      return { reason, message };
    },
    credentialsHint: tokenHint,
  });
}

const ofList = { per_page: 200 };
const tags = z.array(z.string());
const droplets = z.object({
  droplets: z.array(z.object({ id: z.number(), name: z.string(), tags, size_slug: z.string() })),
});
const volumes = z.object({
  volumes: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      tags: tags.nullish(),
      droplet_ids: z.array(z.number()).nullish(),
    }),
  ),
});
const addresses = z.object({
  reserved_ips: z.array(z.object({ ip: z.string(), droplet: z.object({ id: z.number() }).nullish() })),
});
const named = z.object({ id: z.union([z.string(), z.number()]), name: z.string() });

export interface DropletFound extends Found {
  size?: string;
}

/**
 * Everything of the deployment, in an order in which it can be removed. A reserved address has neither name nor tags: it
 * is ours when it points to a droplet of ours, so it goes first.
 */
export async function findAll(api: Api, which: Labelled, signal?: AbortSignal): Promise<DropletFound[]> {
  const [machines, disks, ips, firewalls, keys, vpcs] = await Promise.all([
    api.ask(droplets, '/droplets', { ...ofList, tag_name: tagFor(which) }, signal),
    api.ask(volumes, '/volumes', ofList, signal),
    api.ask(addresses, '/reserved_ips', ofList, signal),
    api.ask(z.object({ firewalls: z.array(named) }), '/firewalls', ofList, signal),
    api.ask(z.object({ ssh_keys: z.array(named) }), '/account/keys', ofList, signal),
    api.ask(z.object({ vpcs: z.array(named) }), '/vpcs', ofList, signal),
  ]);
  const remove = (path: string) => () => api.send('DELETE', path, undefined, signal);
  const servers = machines.droplets.flatMap(({ id, name, tags, size_slug: size }): DropletFound[] => {
    const labels = readTags(tags, which);
    return labels === undefined
      ? []
      : [{ kind: 'droplet', id: String(id), name, ...labels, size, remove: remove(`/droplets/${id}`) }];
  });
  const ofServers = ips.reserved_ips.flatMap(({ ip, droplet }): DropletFound[] => {
    const server = servers.find(({ id }) => id === String(droplet?.id));
    if (server === undefined) return [];
    const { app, deployment } = server;
    const path = `/reserved_ips/${ip}`;
    return [
      { kind: 'reserved IP', id: ip, name: ip, app, deployment, part: 'address', remove: remove(path) },
    ];
  });
  const data = disks.volumes.flatMap(({ id, name, tags }): DropletFound[] => {
    const labels = readTags(tags ?? [], which);
    return labels === undefined
      ? []
      : [{ kind: 'volume', id, name, ...labels, remove: remove(`/volumes/${id}`) }];
  });
  const byName = (kind: string, path: string, all: z.infer<typeof named>[]) =>
    all.flatMap(({ id, name }): DropletFound[] => {
      const labels = readName(name, which);
      const app = servers[0]?.app ?? data[0]?.app ?? '';
      return labels === undefined
        ? []
        : [{ kind, id: String(id), name, ...labels, app, remove: remove(`${path}/${id}`) }];
    });
  return [
    ...ofServers,
    ...servers,
    ...data,
    ...byName('firewall', '/firewalls', firewalls.firewalls),
    ...byName('SSH key', '/account/keys', keys.ssh_keys),
    ...byName('network', '/vpcs', vpcs.vpcs),
  ];
}
