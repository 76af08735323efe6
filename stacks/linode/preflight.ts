import { z } from 'zod';
import type { Api } from '../cloud/api.ts';
import { collect, distanceFinding, listed, ok, priceFinding, priceOf, refused } from '../cloud/findings.ts';
import { chooseMachineType, type MachineType } from '../cloud/machine-type.ts';
import { sshFromFinding } from '../cloud/ssh-from.ts';
import { volumeFinding, volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest, Finding } from '../target.ts';
import { linodeApi, linodeEndpoint, provider } from './api.ts';
import type { LinodeOptions } from './options.ts';

/** Gigabytes: https://techdocs.akamai.com/cloud-computing/docs/block-storage */
export const volumeLimits = { smallest: 10, largest: 16_384 };

const regions = z.object({
  data: z.array(
    z.object({ id: z.string(), label: z.string(), status: z.string(), capabilities: z.array(z.string()) }),
  ),
});
const amount = z.object({ hourly: z.number().nullable(), monthly: z.number().nullable() });
const regionalPrice = amount.extend({ id: z.string() });
const priced = z.object({ price: amount, region_prices: z.array(regionalPrice) });
const types = z.object({
  data: z.array(
    priced.extend({
      id: z.string(),
      vcpus: z.number(),
      /** MB */
      memory: z.number(),
      /** MB */
      disk: z.number(),
    }),
  ),
});
const volumeTypes = z.object({ data: z.array(priced) });
const availability = z.array(z.object({ plan: z.string(), available: z.boolean() }));

/** Asks the API, and makes nothing. */
export function preflightLinode(
  options: LinodeOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const api = linodeApi();
    const askedAt = performance.now();
    await api.ask(z.object({ username: z.string() }), '/profile', {}, signal);
    const roundTripMs = performance.now() - askedAt;
    add(ok('credentials', 'the token is valid'), distanceFinding(provider, roundTripMs));
    add(volumeFinding(request, volumeLimits, options.volumeGigabytes));
    const all = (await api.ask(regions, '/regions', { page_size: 500 }, signal)).data;
    const region = all.find(({ id }) => id === options.region);
    // The Metadata service is how cloud-init gets the machine's keys.
    if (region === undefined || !region.capabilities.includes('Metadata') || region.status !== 'ok') {
      const names = listed(
        all.filter(({ capabilities }) => capabilities.includes('Metadata')).map(({ id }) => id),
      );
      add(
        refused(
          'location',
          `There is no region ${options.region} that serves cloud-init`,
          `There are: ${names}.`,
        ),
      );
    } else {
      add(ok('location', `${region.id}: ${region.label}`));
      const { type, findings } = chooseMachineType(
        await machineTypes(api, options, signal),
        request.needs,
        options.type,
      );
      add(...findings);
      const [volumes] = (await api.ask(volumeTypes, '/volumes/types', {}, signal)).data;
      const perGigabyte = volumes === undefined ? 0 : (priceAt(volumes, region.id).monthly ?? 0);
      const gigabytes = volumeGigabytes(request, volumeLimits, options.volumeGigabytes);
      const perMonth = (type?.price?.perMonth ?? 0) + gigabytes * perGigabyte;
      if (type !== undefined)
        add(priceFinding(priceOf('USD', { perMonth }), 'Linode and volume, as the API tells'));
    }
    add(await sshFromFinding(options.sshFrom, linodeEndpoint()));
  });
}

function priceAt({ price, region_prices }: z.infer<typeof priced>, region: string): z.infer<typeof amount> {
  return region_prices.find(({ id }) => id === region) ?? price;
}

export async function machineTypes(
  api: Api,
  { region }: LinodeOptions,
  signal?: AbortSignal,
): Promise<MachineType[]> {
  const [all, stock] = await Promise.all([
    api.ask(types, '/linode/types', { page_size: 500 }, signal),
    api.ask(availability, `/regions/${encodeURIComponent(region)}/availability`, {}, signal),
  ]);
  // What is not listed is not short of stock.
  const isOut = (name: string) => stock.some(({ plan, available }) => plan === name && !available);
  return all.data.map((type) => {
    const { hourly, monthly } = priceAt(type, region);
    return {
      name: type.id,
      cores: type.vcpus,
      memoryBytes: type.memory * 1024 ** 2,
      diskBytes: type.disk * 1024 ** 2,
      architecture: 'amd64',
      price: { currency: 'USD', perHour: hourly ?? 0, perMonth: monthly ?? 0 },
      inStock: !isOut(type.id),
    };
  });
}
