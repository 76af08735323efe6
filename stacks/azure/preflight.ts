import { z } from 'zod';
import type { Api } from '../cloud/api.ts';
import { collect, distanceFinding, listed, ok, refused } from '../cloud/findings.ts';
import { chooseMachineType, type MachineType } from '../cloud/machine-type.ts';
import { sshFromFinding } from '../cloud/ssh-from.ts';
import { volumeFinding } from '../cloud/volume.ts';
import type { DeployRequest, Finding } from '../target.ts';
import { azureApi, azureEndpoint, provider } from './api.ts';
import type { AzureOptions } from './options.ts';

/** Gigabytes, of managed disks: https://learn.microsoft.com/azure/virtual-machines/disks-types */
export const volumeLimits = { smallest: 4, largest: 32_767 };

/** Families that fit an app of any kind; others are taken when they are named. */
const generalFamilies = /^Standard_(B\d+a?l?m?s(_v2)?|B\d+p[ls]*s?_v2|D\d+p?s_v5)$/;

const locations = z.object({ value: z.array(z.object({ name: z.string(), displayName: z.string() })) });
const skus = z.object({
  value: z.array(
    z.object({
      name: z.string(),
      resourceType: z.string(),
      capabilities: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
      restrictions: z.array(z.object({ type: z.string() })).nullish(),
    }),
  ),
});
const usages = z.object({
  value: z.array(
    z.object({ name: z.object({ value: z.string() }), currentValue: z.number(), limit: z.number() }),
  ),
});

/** Asks the API, and makes nothing. */
export function preflightAzure(
  options: AzureOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const api = await azureApi(signal);
    const askedAt = performance.now();
    const all = (await api.ask(locations, '/locations', { 'api-version': '2022-12-01' }, signal)).value;
    const roundTripMs = performance.now() - askedAt;
    add(ok('credentials', 'the service principal may read the subscription'));
    add(
      distanceFinding(provider, roundTripMs),
      volumeFinding(request, volumeLimits, options.volumeGigabytes),
    );
    const location = all.find(({ name }) => name === options.location);
    if (location === undefined) {
      const names = listed(all.map(({ name }) => name));
      add(
        refused(
          'location',
          `There is no region ${options.location} for this subscription`,
          `There are: ${names}.`,
        ),
      );
    } else {
      add(ok('location', `${location.name}: ${location.displayName}`));
      const types = await machineTypes(api, options, signal);
      add(...chooseMachineType(types, request.needs, options.vmSize).findings);
      add(await quota(api, options, signal));
    }
    add(
      ok('price', 'Azure tells no prices by this API', {
        hint: 'They stand at https://azure.microsoft.com/pricing/calculator/.',
      }),
    );
    add(await sshFromFinding(options.sshFrom, azureEndpoint()));
  });
}

async function quota(
  api: Api,
  { location }: AzureOptions,
  signal: AbortSignal | undefined,
): Promise<Finding> {
  const path = `/providers/Microsoft.Compute/locations/${encodeURIComponent(location)}/usages`;
  const { value } = await api.ask(usages, path, { 'api-version': '2024-07-01' }, signal);
  const cores = value.find(({ name }) => name.value === 'cores');
  if (cores === undefined) return ok('quota', 'no limit of cores is told');
  const facts = `${cores.currentValue} of ${cores.limit} cores are in use in ${location}`;
  if (cores.currentValue < cores.limit) return ok('quota', facts);
  return refused('quota', `No cores are left: ${facts}`, 'Ask Azure for more, or choose another location.');
}

export async function machineTypes(
  api: Api,
  options: AzureOptions,
  signal?: AbortSignal,
): Promise<MachineType[]> {
  const query = { 'api-version': '2021-07-01', $filter: `location eq '${options.location}'` };
  const { value } = await api.ask(skus, '/providers/Microsoft.Compute/skus', query, signal);
  return value.flatMap(({ name, resourceType, capabilities, restrictions }): MachineType[] => {
    if (resourceType !== 'virtualMachines') return [];
    if (!generalFamilies.test(name) && name !== options.vmSize) return [];
    const capability = (wanted: string) => capabilities?.find((one) => one.name === wanted)?.value;
    return [
      {
        name,
        cores: Number(capability('vCPUs') ?? 0),
        memoryBytes: Number(capability('MemoryGB') ?? 0) * 1024 ** 3,
        architecture: capability('CpuArchitectureType') === 'Arm64' ? 'arm64' : 'amd64',
        inStock: !(restrictions ?? []).some(({ type }) => type === 'Location'),
      },
    ];
  });
}
