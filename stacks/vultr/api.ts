import { z } from 'zod';
import { makeApi, requiredVariable, type Api } from '../cloud/api.ts';
import type { Found } from '../cloud/inventory.ts';
import { readName, readTags, tagFor } from '../cloud/tags.ts';
import type { Labelled } from '../target.ts';

/** https://www.vultr.com/api/; the shapes are the parts that are read here. */
export const provider = 'Vultr';

export function vultrEndpoint(): string {
  return `${(process.env['VULTR_API_URL'] ?? 'https://api.vultr.com').replace(/\/+$/, '')}/v2`;
}

const keyHint =
  'Set VULTR_API_KEY to an API key, and allow this machine’s address for it (Customer portal: Account, API).';
const refusalBody = z.object({ error: z.string() });

/** Throws `provision-failed` where no key is set. */
export function vultrApi(): Api {
  const key = requiredVariable(provider, 'VULTR_API_KEY', keyHint);
  return makeApi({
    provider,
    endpoint: vultrEndpoint(),
    headers: () => ({ authorization: `Bearer ${key}` }),
    explain: (body) => ({ message: refusalBody.safeParse(body).data?.error }),
    credentialsHint: keyHint,
  });
}

const id = z.string();
const instances = z.object({
  instances: z.array(z.object({ id, label: z.string(), tags: z.array(z.string()), plan: z.string() })),
});
const blocks = z.object({ blocks: z.array(z.object({ id, label: z.string() })) });
const addresses = z.object({ reserved_ips: z.array(z.object({ id, label: z.string() })) });
const firewalls = z.object({ firewall_groups: z.array(z.object({ id, description: z.string() })) });
const keys = z.object({ ssh_keys: z.array(z.object({ id, name: z.string() })) });

export interface VultrFound extends Found {
  plan?: string;
}

/** Everything of the deployment, in an order in which it can be removed. Only instances have tags; the rest has names. */
export async function findAll(api: Api, which: Labelled, signal?: AbortSignal): Promise<VultrFound[]> {
  const page = { per_page: 500 };
  const [machines, disks, ips, groups, sshKeys] = await Promise.all([
    api.ask(instances, '/instances', { ...page, tag: tagFor(which) }, signal),
    api.ask(blocks, '/blocks', page, signal),
    api.ask(addresses, '/reserved-ips', page, signal),
    api.ask(firewalls, '/firewalls', page, signal),
    api.ask(keys, '/ssh-keys', page, signal),
  ]);
  const remove = (path: string) => () => api.send('DELETE', path, undefined, signal);
  const servers = machines.instances.flatMap(({ id, label, tags, plan }): VultrFound[] => {
    const labels = readTags(tags, which);
    return labels === undefined
      ? []
      : [{ kind: 'instance', id, name: label, ...labels, plan, remove: remove(`/instances/${id}`) }];
  });
  const byName = (kind: string, path: string, all: { id: string; name: string }[]) =>
    all.flatMap(({ id, name }): VultrFound[] => {
      const labels = readName(name, which);
      const app = servers[0]?.app ?? '';
      return labels === undefined
        ? []
        : [{ kind, id, name, ...labels, app, remove: remove(`${path}/${id}`) }];
    });
  return [
    ...servers,
    ...byName('block storage', '/blocks', disks.blocks.map(labelled)),
    ...byName('reserved IP', '/reserved-ips', ips.reserved_ips.map(labelled)),
    ...byName(
      'firewall group',
      '/firewalls',
      groups.firewall_groups.map(({ id, description: name }) => ({ id, name })),
    ),
    ...byName('SSH key', '/ssh-keys', sshKeys.ssh_keys),
  ];
}

const labelled = ({ id, label: name }: { id: string; label: string }) => ({ id, name });
