import { createHash } from 'node:crypto';
import { z } from 'zod';
import { makeApi, requiredVariable, type Api } from '../cloud/api.ts';
import type { Found } from '../cloud/inventory.ts';
import { readName } from '../cloud/tags.ts';
import type { Labelled } from '../target.ts';
import type { OvhOptions } from './options.ts';

/** https://api.ovh.com/console/?section=%2Fcloud; the shapes are the parts that are read here. */
export const provider = 'OVHcloud';

const endpoints: Readonly<Record<string, string>> = {
  'ovh-eu': 'https://eu.api.ovh.com/1.0',
  'ovh-ca': 'https://ca.api.ovh.com/1.0',
  'ovh-us': 'https://api.us.ovhcloud.com/1.0',
};

/** A name, or an address, as OVH's own tools take it. */
export function ovhEndpoint(): string {
  const given = process.env['OVH_ENDPOINT'] ?? 'ovh-eu';
  return (endpoints[given] ?? given).replace(/\/+$/, '');
}

const hint =
  'Set OVH_APPLICATION_KEY, OVH_APPLICATION_SECRET and OVH_CONSUMER_KEY (https://api.ovh.com/createToken/, GET, POST, PUT and DELETE on /cloud/project/*), and OVH_CLOUD_PROJECT_SERVICE to the project’s ID.';
const refusalBody = z.object({ message: z.string(), class: z.string().optional() });

export const projectOf = ({ project }: OvhOptions): string =>
  project ?? requiredVariable(provider, 'OVH_CLOUD_PROJECT_SERVICE', hint);

/** Paths are below the project. Throws `provision-failed` where a variable is not set. */
export function ovhApi(options: OvhOptions): Api {
  const key = requiredVariable(provider, 'OVH_APPLICATION_KEY', hint);
  const secret = requiredVariable(provider, 'OVH_APPLICATION_SECRET', hint);
  const consumer = requiredVariable(provider, 'OVH_CONSUMER_KEY', hint);
  return makeApi({
    provider,
    endpoint: `${ovhEndpoint()}/cloud/project/${encodeURIComponent(projectOf(options))}`,
    // https://help.ovhcloud.com/csm/en-api-getting-started-ovhcloud-api
    headers: ({ method, url, body }) => {
      const timestamp = String(Math.floor(Date.now() / 1000));
      const signed = [secret, consumer, method, url.href, body, timestamp].join('+');
      return {
        'x-ovh-application': key,
        'x-ovh-consumer': consumer,
        'x-ovh-timestamp': timestamp,
        'x-ovh-signature': `$1$${createHash('sha1').update(signed).digest('hex')}`,
      };
    },
    explain: (body) => {
      const { message, class: reason } = refusalBody.safeParse(body).data ?? {};
      return { message, reason };
    },
    credentialsHint: hint,
  });
}

const named = z.array(z.object({ id: z.string(), name: z.string() }));

/** OVH keeps no labels: things are known by their names, and only when the deployment is named. */
export async function findAll(options: OvhOptions, which: Labelled, signal?: AbortSignal): Promise<Found[]> {
  const api = ovhApi(options);
  const kinds = [
    { kind: 'instance', path: '/instance' },
    { kind: 'SSH key', path: '/sshkey' },
  ];
  const lists = await Promise.all(kinds.map(({ path }) => api.ask(named, path, {}, signal)));
  return lists.flatMap((all, index) => {
    const place = kinds[index];
    return all.flatMap(({ id, name }): Found[] => {
      const labels = readName(name, which);
      if (labels === undefined || place === undefined) return [];
      const remove = () => api.send('DELETE', `${place.path}/${id}`, undefined, signal);
      return [{ kind: place.kind, id, name, ...labels, remove }];
    });
  });
}
