import { z } from 'zod';
import { makeApi, requiredVariable, type Api } from '../cloud/api.ts';
import type { Found } from '../cloud/inventory.ts';
import { readName, readTags, tagFor } from '../cloud/tags.ts';
import type { Labelled } from '../target.ts';

/** https://www.scaleway.com/en/developers/api/; the shapes are the parts that are read here. */
export const provider = 'Scaleway';

export function scalewayEndpoint(): string {
  return (process.env['SCW_API_URL'] ?? 'https://api.scaleway.com').replace(/\/+$/, '');
}

const keyHint =
  'Set SCW_ACCESS_KEY, SCW_SECRET_KEY and SCW_DEFAULT_PROJECT_ID to an API key with the permission sets InstancesFullAccess, BlockStorageFullAccess and SSHKeysFullAccess.';
const refusalBody = z.object({ message: z.string(), type: z.string().optional() });

/** Throws `provision-failed` where a variable is not set. */
export function scalewayApi(): Api {
  requiredVariable(provider, 'SCW_ACCESS_KEY', keyHint);
  const key = requiredVariable(provider, 'SCW_SECRET_KEY', keyHint);
  return makeApi({
    provider,
    endpoint: scalewayEndpoint(),
    headers: () => ({ 'x-auth-token': key }),
    explain: (body) => {
      const { message, type: reason } = refusalBody.safeParse(body).data ?? {};
      return { message, reason };
    },
    credentialsHint: keyHint,
  });
}

export const projectId = (): string => requiredVariable(provider, 'SCW_DEFAULT_PROJECT_ID', keyHint);

const id = z.string();
const tags = z.array(z.string());
const servers = z.object({
  servers: z.array(z.object({ id, name: z.string(), tags, commercial_type: z.string() })),
});
const volumes = z.object({ volumes: z.array(z.object({ id, name: z.string(), tags })) });
const ips = z.object({ ips: z.array(z.object({ id, address: z.string(), tags })) });
const groups = z.object({ security_groups: z.array(z.object({ id, name: z.string(), tags })) });
const keys = z.object({ ssh_keys: z.array(z.object({ id, name: z.string() })) });

export interface ScalewayFound extends Found {
  type?: string;
}

/** Everything of the deployment, in an order in which it can be removed. Keys have a name alone. */
export async function findAll(
  api: Api,
  zone: string,
  which: Labelled,
  signal?: AbortSignal,
): Promise<ScalewayFound[]> {
  const instance = `/instance/v1/zones/${encodeURIComponent(zone)}`;
  const block = `/block/v1/zones/${encodeURIComponent(zone)}`;
  const query = { tags: tagFor(which), per_page: 100 };
  const [machines, disks, addresses, firewalls, sshKeys] = await Promise.all([
    api.ask(servers, `${instance}/servers`, query, signal),
    api.ask(volumes, `${block}/volumes`, { tags: tagFor(which), page_size: 100 }, signal),
    api.ask(ips, `${instance}/ips`, query, signal),
    api.ask(groups, `${instance}/security_groups`, query, signal),
    api.ask(keys, '/iam/v1alpha1/ssh-keys', { project_id: projectId(), page_size: 100 }, signal),
  ]);
  const tagged = (
    kind: string,
    all: { id: string; name: string; tags: string[]; type?: string }[],
    remove: (id: string) => Promise<void>,
  ) =>
    all.flatMap(({ id, name, tags, type }): ScalewayFound[] => {
      const labels = readTags(tags, which);
      const more = type === undefined ? {} : { type };
      return labels === undefined
        ? []
        : [{ kind, id: `${zone}/${id}`, name, ...labels, ...more, remove: () => remove(id) }];
    });
  const removeAt = (path: string) => (id: string) => api.send('DELETE', `${path}/${id}`, undefined, signal);
  const found = tagged(
    'server',
    machines.servers.map(({ commercial_type: type, ...rest }) => ({ ...rest, type })),
    // A server that runs cannot be deleted; this ends it, and its system's disk with it.
    (id) => api.send('POST', `${instance}/servers/${id}/action`, { action: 'terminate' }, signal),
  );
  return [
    ...found,
    ...tagged('volume', disks.volumes, removeAt(`${block}/volumes`)),
    ...tagged(
      'IP',
      addresses.ips.map(({ address: name, ...rest }) => ({ ...rest, name })),
      removeAt(`${instance}/ips`),
    ),
    ...tagged('security group', firewalls.security_groups, removeAt(`${instance}/security_groups`)),
    ...sshKeys.ssh_keys.flatMap(({ id, name }): ScalewayFound[] => {
      const labels = readName(name, which);
      const remove = () => removeAt('/iam/v1alpha1/ssh-keys')(id);
      return labels === undefined
        ? []
        : [{ kind: 'SSH key', id, name, ...labels, app: found[0]?.app ?? '', remove }];
    }),
  ];
}
