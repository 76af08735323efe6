import { z } from 'zod';
import type { Api } from '../cloud/api.ts';
import { collect, distanceFinding, listed, ok, refused, warning } from '../cloud/findings.ts';
import { chooseMachineType, modestNeeds, type MachineType } from '../cloud/machine-type.ts';
import type { DeployRequest, Finding, Needs } from '../target.ts';
import { ovhApi, provider } from './api.ts';
import type { OvhOptions } from './options.ts';

/** Families that fit an app of any kind; others are taken when they are named. */
const generalFamilies = /^(d2|b2|b3|c3)-\d+$/;
/** A database takes more than its dump, and the app goes on growing. */
const growth = 2;

const flavors = z.array(
  z.object({
    id: z.string(),
    name: z.string(),
    vcpus: z.number(),
    /** GB, or MB: the API has told both. */
    ram: z.number(),
    /** GB */
    disk: z.number(),
    available: z.boolean(),
    osType: z.string(),
  }),
);

export interface Flavor extends MachineType {
  id: string;
}

/** The data lies on the machine's own disk: OVH's Pulumi package attaches no volume. */
export function needsWithData({ needs = modestNeeds, sizeBytes }: DeployRequest): Needs {
  return { ...needs, diskBytes: needs.diskBytes + growth * sizeBytes };
}

/** Asks the API, and makes nothing. */
export function preflightOvh(
  options: OvhOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const api = ovhApi(options);
    const askedAt = performance.now();
    const regions = await api.ask(z.array(z.string()), '/region', {}, signal);
    const roundTripMs = performance.now() - askedAt;
    add(ok('credentials', 'the keys are valid for the project'), distanceFinding(provider, roundTripMs));
    if (regions.includes(options.region)) {
      add(ok('location', options.region));
      const types = await machineTypes(api, options, signal);
      const largest = Math.max(0, ...types.map(({ diskBytes = 0 }) => diskBytes));
      const needs = needsWithData(request);
      if (needs.diskBytes > largest) {
        const gigabytes = Math.ceil(needs.diskBytes / 1e9);
        add(
          refused(
            'volume',
            `The app and its data need a disk of ${gigabytes} GB, and the largest here is smaller`,
            'Choose a target with volumes.',
          ),
        );
      } else {
        add(ok('volume', 'the data lies on the machine’s own disk'));
        add(...chooseMachineType(types, needs, options.flavor).findings);
      }
    } else {
      add(refused('location', `The project has no region ${options.region}`, `It has: ${listed(regions)}.`));
    }
    add(
      ok('price', 'OVHcloud tells no prices by this API', {
        hint: 'They stand at https://www.ovhcloud.com/en/public-cloud/prices/.',
      }),
    );
    add(
      warning(
        'ssh-from',
        'OVHcloud’s Pulumi package knows no firewall: all ports that something listens on are reachable',
      ),
    );
  });
}

export async function machineTypes(
  api: Api,
  { region, flavor }: OvhOptions,
  signal?: AbortSignal,
): Promise<Flavor[]> {
  const all = await api.ask(flavors, '/flavor', { region }, signal);
  return all
    .filter(({ name, osType }) => osType === 'linux' && (generalFamilies.test(name) || name === flavor))
    .map(({ id, name, vcpus, ram, disk, available }) => ({
      id,
      name,
      cores: vcpus,
      memoryBytes: ram < 1000 ? ram * 1024 ** 3 : ram * 1024 ** 2,
      diskBytes: disk * 1024 ** 3,
      architecture: 'amd64',
      inStock: available,
    }));
}
