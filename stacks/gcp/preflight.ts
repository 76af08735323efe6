import { z } from 'zod';
import type { Api } from '../cloud/api.ts';
import { statusOf } from '../cloud/api.ts';
import { collect, distanceFinding, listed, ok, refused } from '../cloud/findings.ts';
import { chooseMachineType, type MachineType } from '../cloud/machine-type.ts';
import { sshFromFinding } from '../cloud/ssh-from.ts';
import { volumeFinding } from '../cloud/volume.ts';
import type { DeployRequest, Finding } from '../target.ts';
import { gcpApi, gcpEndpoint, projectOf, provider } from './api.ts';
import { regionOf, type GcpOptions } from './options.ts';

/** Gigabytes: https://cloud.google.com/compute/docs/disks */
export const volumeLimits = { smallest: 10, largest: 65_536 };

/** Families that fit an app of any kind; others are taken when they are named. */
const generalFamilies = /^(e2|n2|t2a)-(micro|small|medium|standard-\d+|highmem-\d+)$/;

const zone = z.object({ name: z.string(), status: z.string() });
const zones = z.object({ items: z.array(zone) });
const region = z.object({
  quotas: z.array(z.object({ metric: z.string(), limit: z.number(), usage: z.number() })).optional(),
});
const machineTypesPage = z.object({
  items: z
    .array(
      z.object({
        name: z.string(),
        guestCpus: z.number(),
        memoryMb: z.number(),
        architecture: z.string().optional(),
      }),
    )
    .optional(),
  nextPageToken: z.string().optional(),
});

/** Asks the API, and makes nothing. */
export function preflightGcp(
  options: GcpOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const api = gcpApi(options);
    const askedAt = performance.now();
    const all = (await api.ask(zones, '/zones', {}, signal)).items;
    const roundTripMs = performance.now() - askedAt;
    add(ok('credentials', `the credentials are valid for the project ${projectOf(options)}`));
    add(
      distanceFinding(provider, roundTripMs),
      volumeFinding(request, volumeLimits, options.volumeGigabytes),
    );
    if (all.some(({ name, status }) => name === options.zone && status === 'UP')) {
      add(ok('location', options.zone));
      const types = await machineTypes(api, options, signal);
      add(...chooseMachineType(types, request.needs, options.machineType).findings);
      add(await quota(api, options, signal));
    } else {
      add(
        refused(
          'location',
          `There is no zone ${options.zone}`,
          `There are: ${listed(all.map(({ name }) => name))}.`,
        ),
      );
    }
    add(
      ok('price', 'Google Cloud tells no prices by this API', {
        hint: 'They stand at https://cloud.google.com/compute/all-pricing.',
      }),
    );
    add(await sshFromFinding(options.sshFrom, gcpEndpoint()));
  });
}

async function quota(api: Api, options: GcpOptions, signal: AbortSignal | undefined): Promise<Finding> {
  const { quotas = [] } = await api.ask(region, `/regions/${regionOf(options.zone)}`, {}, signal);
  const needed = ['CPUS', 'STATIC_ADDRESSES', 'DISKS_TOTAL_GB', 'SSD_TOTAL_GB'];
  const full = quotas.filter(({ metric, limit, usage }) => needed.includes(metric) && usage >= limit);
  if (full.length === 0) return ok('quota', `there is room in the quotas of ${regionOf(options.zone)}`);
  const facts = full.map(({ metric, usage, limit }) => `${metric} ${usage} of ${limit}`).join(', ');
  return refused(
    'quota',
    `A quota of ${regionOf(options.zone)} is used up: ${facts}`,
    'Ask Google for more, or choose another zone.',
  );
}

export async function machineTypes(
  api: Api,
  options: GcpOptions,
  signal?: AbortSignal,
): Promise<MachineType[]> {
  const types: MachineType[] = [];
  for (let pageToken: string | undefined, more = true; more;) {
    const path = `/zones/${options.zone}/machineTypes`;
    const page = await api
      .ask(machineTypesPage, path, { maxResults: 500, pageToken }, signal)
      .catch((error: unknown) => {
        if (statusOf(error) === 404) return { items: [], nextPageToken: undefined };
        throw error;
      });
    for (const { name, guestCpus, memoryMb, architecture } of page.items ?? []) {
      if (!generalFamilies.test(name) && name !== options.machineType) continue;
      types.push({
        name,
        cores: guestCpus,
        memoryBytes: memoryMb * 1024 ** 2,
        architecture: architecture === 'ARM64' || name.startsWith('t2a-') ? 'arm64' : 'amd64',
        inStock: true,
      });
    }
    pageToken = page.nextPageToken;
    more = pageToken !== undefined;
  }
  return types;
}
