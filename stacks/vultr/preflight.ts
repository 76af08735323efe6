import { z } from 'zod';
import type { Api } from '../cloud/api.ts';
import { collect, distanceFinding, listed, ok, priceFinding, priceOf, refused } from '../cloud/findings.ts';
import { chooseMachineType, type MachineType } from '../cloud/machine-type.ts';
import { sshFromFinding } from '../cloud/ssh-from.ts';
import { volumeFinding, volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest, Finding } from '../target.ts';
import { provider, vultrApi, vultrEndpoint } from './api.ts';
import type { VultrOptions } from './options.ts';

/** Gigabytes, of NVMe block storage: https://docs.vultr.com/products/cloud-storage/block-storage */
export const volumeLimits = { smallest: 10, largest: 10_000 };
/** The API tells no price of block storage; https://www.vultr.com/pricing/#block-storage does. */
const volumeUsdPerGigabyte = 0.1;
const addressUsdPerMonth = 3;

const regions = z.object({
  regions: z.array(z.object({ id: z.string(), city: z.string(), country: z.string() })),
});
const plans = z.object({
  plans: z.array(
    z.object({
      id: z.string(),
      vcpu_count: z.number(),
      /** MB */
      ram: z.number(),
      /** GB */
      disk: z.number(),
      monthly_cost: z.number(),
      type: z.string(),
      locations: z.array(z.string()),
    }),
  ),
});

/** Asks the API, and makes nothing. */
export function preflightVultr(
  options: VultrOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const api = vultrApi();
    const askedAt = performance.now();
    const account = z.object({ account: z.object({ balance: z.number().optional() }) });
    await api.ask(account, '/account', {}, signal);
    const roundTripMs = performance.now() - askedAt;
    add(ok('credentials', 'the key is valid'), distanceFinding(provider, roundTripMs));
    add(volumeFinding(request, volumeLimits, options.volumeGigabytes));
    const all = (await api.ask(regions, '/regions', { per_page: 500 }, signal)).regions;
    const region = all.find(({ id }) => id === options.region);
    if (region === undefined) {
      const names = listed(all.map(({ id, city }) => `${id} (${city})`));
      add(refused('location', `There is no region ${options.region}`, `There are: ${names}.`));
    } else {
      add(ok('location', `${region.id}: ${region.city}, ${region.country}`));
      const { type, findings } = chooseMachineType(
        await machineTypes(api, options, signal),
        request.needs,
        options.plan,
      );
      add(...findings);
      const gigabytes = volumeGigabytes(request, volumeLimits, options.volumeGigabytes);
      const perMonth = (type?.price?.perMonth ?? 0) + gigabytes * volumeUsdPerGigabyte + addressUsdPerMonth;
      if (type !== undefined) {
        add(
          priceFinding(
            priceOf('USD', { perMonth }),
            'instance as the API tells, volume and address as the price list does',
          ),
        );
      }
    }
    add(await sshFromFinding(options.sshFrom, vultrEndpoint()));
  });
}

export async function machineTypes(
  api: Api,
  { region }: VultrOptions,
  signal?: AbortSignal,
): Promise<MachineType[]> {
  const available = z.object({ available_plans: z.array(z.string()) });
  const [all, stock] = await Promise.all([
    api.ask(plans, '/plans', { per_page: 500 }, signal),
    api.ask(available, `/regions/${encodeURIComponent(region)}/availability`, {}, signal),
  ]);
  return all.plans.map((plan) => ({
    name: plan.id,
    cores: plan.vcpu_count,
    memoryBytes: plan.ram * 1024 ** 2,
    diskBytes: plan.disk * 1024 ** 3,
    architecture: 'amd64',
    price: priceOf('USD', { perMonth: plan.monthly_cost }),
    inStock: stock.available_plans.includes(plan.id),
  }));
}
