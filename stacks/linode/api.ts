import { z } from 'zod';
import { makeApi, requiredVariable, type Api } from '../cloud/api.ts';
import type { Found } from '../cloud/inventory.ts';
import { readName, readTags } from '../cloud/tags.ts';
import type { Labelled } from '../target.ts';

/** https://techdocs.akamai.com/linode-api/reference/api; the shapes are the parts that are read here. */
export const provider = 'Linode';
/** Of volumes, firewalls and keys. */
export const shortLabel = 32;

export function linodeEndpoint(): string {
  return `${(process.env['LINODE_URL'] ?? 'https://api.linode.com').replace(/\/+$/, '')}/v4`;
}

const tokenHint =
  'Set LINODE_TOKEN to a personal access token that may read and write Linodes, Volumes, Firewalls and the account’s keys.';
const refusalBody = z.object({ errors: z.array(z.object({ reason: z.string() })).min(1) });

/** Throws `provision-failed` where no token is set. */
export function linodeApi(): Api {
  const token = requiredVariable(provider, 'LINODE_TOKEN', tokenHint);
  return makeApi({
    provider,
    endpoint: linodeEndpoint(),
    headers: () => ({ authorization: `Bearer ${token}` }),
    explain: (body) => ({ message: refusalBody.safeParse(body).data?.errors[0]?.reason }),
    credentialsHint: tokenHint,
  });
}

const thing = z.object({ id: z.number(), label: z.string(), tags: z.array(z.string()) });
const listOf = <Entry>(entry: z.ZodType<Entry>) => z.object({ data: z.array(entry) });

export interface LinodeFound extends Found {
  type?: string;
}

/** Everything of the deployment, in an order in which it can be removed. Keys have a name alone. */
export async function findAll(api: Api, which: Labelled, signal?: AbortSignal): Promise<LinodeFound[]> {
  const page = { page_size: 500 };
  const [machines, volumes, firewalls, keys] = await Promise.all([
    api.ask(listOf(thing.extend({ type: z.string() })), '/linode/instances', page, signal),
    api.ask(listOf(thing), '/volumes', page, signal),
    api.ask(listOf(thing), '/networking/firewalls', page, signal),
    api.ask(listOf(thing.omit({ tags: true })), '/profile/sshkeys', page, signal),
  ]);
  const remove = (path: string) => () => api.send('DELETE', path, undefined, signal);
  const tagged = (kind: string, path: string, all: (z.infer<typeof thing> & { type?: string })[]) =>
    all.flatMap(({ id, label: name, tags, type }): LinodeFound[] => {
      const labels = readTags(tags, which);
      const more = type === undefined ? {} : { type };
      return labels === undefined
        ? []
        : [{ kind, id: String(id), name, ...labels, ...more, remove: remove(`${path}/${id}`) }];
    });
  const servers = tagged('Linode', '/linode/instances', machines.data);
  return [
    ...servers,
    ...tagged('volume', '/volumes', volumes.data),
    ...tagged('firewall', '/networking/firewalls', firewalls.data),
    ...keys.data.flatMap(({ id, label: name }): LinodeFound[] => {
      const labels = readName(name, which, shortLabel);
      const app = servers[0]?.app ?? '';
      const path = `/profile/sshkeys/${id}`;
      return labels === undefined
        ? []
        : [{ kind: 'SSH key', id: String(id), name, ...labels, app, remove: remove(path) }];
    }),
  ];
}
