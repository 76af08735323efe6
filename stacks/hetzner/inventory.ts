import type { z } from 'zod';
import type { Api } from '../cloud/api.ts';
import { readLabels, type Found } from '../cloud/inventory.ts';
import { labelKeys, shorten } from '../cloud/names.ts';
import type { Labelled } from '../target.ts';
import { listAll, networkSchema, resourceSchema, serverSchema, volumeSchema, type Resource } from './api.ts';

/** What hangs on other things comes first: the order in which it can be removed. */
const kinds = [
  { kind: 'server', path: '/servers' },
  { kind: 'volume', path: '/volumes' },
  { kind: 'primary IP', path: '/primary_ips' },
  { kind: 'firewall', path: '/firewalls' },
  { kind: 'network', path: '/networks' },
  { kind: 'SSH key', path: '/ssh_keys' },
] as const;

export interface HetznerFound extends Found {
  serverType?: string;
  sizeGigabytes?: number;
  /** Of a volume: the server that it is attached to. */
  attachedTo?: number;
  isProtected?: boolean;
  /** Of a network: their ranges. */
  subnets?: string[];
}

/** Everything that carries the labels, in an order in which it can be removed. Changes nothing. */
export async function findAll(api: Api, which: Labelled, signal?: AbortSignal): Promise<HetznerFound[]> {
  const query = { label_selector: selectorOf(which) };
  const lists = await Promise.all(
    kinds.map(async ({ kind, path }) => {
      const entries = await listAll(api, path, readers[kind], query, signal);
      return entries.flatMap(({ resource, facts }) => {
        const labels = readLabels(resource.labels, which);
        if (labels === undefined) return [];
        const name = resource.name ?? String(resource.id);
        const remove = () => removeResource(api, kind, path, resource.id, facts, signal);
        return [{ kind, id: String(resource.id), name, ...labels, ...facts, remove }];
      });
    }),
  );
  return lists.flat();
}

type Kind = (typeof kinds)[number]['kind'];
type Facts = Pick<HetznerFound, 'serverType' | 'sizeGigabytes' | 'attachedTo' | 'isProtected' | 'subnets'>;

/** What is read of each kind beyond its labels. */
const readers: Readonly<Record<Kind, z.ZodType<{ resource: Resource; facts: Facts }>>> = {
  server: serverSchema.transform((server) => ({
    resource: server,
    facts: { serverType: server.server_type.name, isProtected: server.protection?.delete ?? false },
  })),
  volume: volumeSchema.transform((volume) => ({
    resource: volume,
    facts: {
      sizeGigabytes: volume.size,
      isProtected: volume.protection.delete,
      ...(volume.server === null ? {} : { attachedTo: volume.server }),
    },
  })),
  network: networkSchema.transform((network) => ({
    resource: network,
    facts: { subnets: network.subnets.flatMap(({ ip_range }) => ip_range ?? []) },
  })),
  'primary IP': resourceSchema.transform((resource) => ({ resource, facts: {} })),
  firewall: resourceSchema.transform((resource) => ({ resource, facts: {} })),
  'SSH key': resourceSchema.transform((resource) => ({ resource, facts: {} })),
};

function selectorOf(which: Labelled): string {
  return 'deployment' in which
    ? `${labelKeys.deployment}==${shorten(which.deployment)}`
    : `${labelKeys.app}==${shorten(which.app)}`;
}

/** Goes on when asked again: a protection that is lifted, a volume that is detached, stay so. */
async function removeResource(
  api: Api,
  kind: Kind,
  path: string,
  id: number,
  { isProtected = false, attachedTo }: Facts,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (isProtected) await setProtection(api, kind, id, false, signal);
  // Asked while it is attached, a volume refuses to go; its server may be another's.
  if (kind === 'volume' && attachedTo !== undefined) {
    await api.send('POST', `/volumes/${id}/actions/detach`, {}, signal).catch(() => {});
  }
  await api.send('DELETE', `${path}/${id}`, undefined, signal);
}

/** A server has two protections, which the API wants set alike. */
export async function setProtection(
  api: Api,
  kind: string,
  id: number | string,
  isProtected: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const path = kind === 'server' ? '/servers' : '/volumes';
  const body = { delete: isProtected, ...(kind === 'server' ? { rebuild: isProtected } : {}) };
  await api.send('POST', `${path}/${id}/actions/change_protection`, body, signal);
}

/** As `takeOver` wants them. Hetzner knows attachments and subnets by what they belong to. */
export function withoutOwnId(found: readonly HetznerFound[]): HetznerFound[] {
  const server = found.find(({ part }) => part === 'server');
  return found.flatMap((one): HetznerFound[] => {
    if (one.part === 'volume' && server !== undefined && one.attachedTo === Number(server.id)) {
      return [{ ...one, part: 'attachment', kind: 'attachment' }];
    }
    const [range] = one.subnets ?? [];
    if (one.part === 'network' && range !== undefined) {
      return [{ ...one, part: 'subnet', kind: 'subnet', id: `${one.id}-${range}` }];
    }
    return [];
  });
}
