import { z } from 'zod';
import { RelocateError } from '../../src/errors.ts';
import { makeApi, requiredVariable, type Api } from '../cloud/api.ts';
import { readLabels, type Found } from '../cloud/inventory.ts';
import { labelKeys, shorten } from '../cloud/names.ts';
import { readName } from '../cloud/tags.ts';
import type { Labelled } from '../target.ts';
import { regionOf, type GcpOptions } from './options.ts';

/** https://cloud.google.com/compute/docs/reference/rest/v1; the shapes are the parts that are read here. */
export const provider = 'Google Cloud';

/** The provider's plugin reads the same variable. */
export function gcpEndpoint(): string {
  return (
    process.env['GOOGLE_COMPUTE_CUSTOM_ENDPOINT'] ?? 'https://compute.googleapis.com/compute/v1'
  ).replace(/\/+$/, '');
}

const hint =
  'Log in with “gcloud auth application-default login”, or set GOOGLE_APPLICATION_CREDENTIALS to a service account’s key file (role Compute Admin), and GOOGLE_PROJECT to the project’s ID.';
const refusalBody = z.object({ error: z.object({ message: z.string(), status: z.string().optional() }) });

export function projectOf({ project }: GcpOptions): string {
  return project ?? requiredVariable(provider, 'GOOGLE_PROJECT', hint);
}

/** Paths are below the project. Throws `provision-failed` where no project or no credentials are told. */
export function gcpApi(options: GcpOptions): Api {
  const project = projectOf(options);
  return makeApi({
    provider,
    endpoint: `${gcpEndpoint()}/projects/${encodeURIComponent(project)}`,
    headers: async () => ({ authorization: `Bearer ${await accessToken()}` }),
    explain: (body) => {
      const { message, status: reason } = refusalBody.safeParse(body).data?.error ?? {};
      return { message, reason };
    },
    credentialsHint: hint,
  });
}

async function accessToken(): Promise<string> {
  const given = process.env['GOOGLE_OAUTH_ACCESS_TOKEN'];
  if (given !== undefined && given !== '') return given;
  const { GoogleAuth } = await import('google-auth-library');
  const auth = new GoogleAuth({ scopes: ['https://www.googleapis.com/auth/compute'] });
  const token = await auth.getAccessToken().catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RelocateError(
      'provision-failed',
      `${provider}: neither GOOGLE_OAUTH_ACCESS_TOKEN nor application default credentials let anybody in (${reason})`,
      {
        facts: { status: 401 },
        hint,
        cause: error,
      },
    );
  });
  return token ?? '';
}

const named = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  machineType: z.string().optional(),
});
const listOf = z.object({ items: z.array(named).optional() });

export interface GcpFound extends Found {
  machineType?: string;
}

/** Everything of the deployment, in an order in which it can be removed. Networks and firewalls have names alone. */
export async function findAll(
  options: GcpOptions,
  which: Labelled,
  signal?: AbortSignal,
): Promise<GcpFound[]> {
  const api = gcpApi(options);
  const { zone } = options;
  const region = regionOf(zone);
  const filter =
    'deployment' in which
      ? `labels.${labelKeys.deployment}=${shorten(which.deployment)}`
      : `labels.${labelKeys.app}=${shorten(which.app)}`;
  const places = [
    { kind: 'instance', path: `/zones/${zone}/instances`, query: { filter } },
    { kind: 'disk', path: `/zones/${zone}/disks`, query: { filter } },
    { kind: 'address', path: `/regions/${region}/addresses`, query: { filter } },
    { kind: 'firewall', path: '/global/firewalls', query: {} },
    { kind: 'subnetwork', path: `/regions/${region}/subnetworks`, query: {} },
    { kind: 'network', path: '/global/networks', query: {} },
  ];
  const lists = await Promise.all(places.map(({ path, query }) => api.ask(listOf, path, query, signal)));
  return lists.flatMap(({ items = [] }, index) => {
    const place = places[index];
    if (place === undefined) return [];
    return items.flatMap(({ name, labels, machineType }): GcpFound[] => {
      const own = readLabels(labels ?? {}, which) ?? readName(name, which);
      if (own === undefined) return [];
      const remove = () => api.send('DELETE', `${place.path}/${name}`, undefined, signal);
      const id = `projects/${projectOf(options)}${place.path}/${name}`;
      const type = machineType?.split('/').at(-1);
      return [
        { kind: place.kind, id, name, ...own, ...(type === undefined ? {} : { machineType: type }), remove },
      ];
    });
  });
}
