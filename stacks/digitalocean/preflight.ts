import { z } from 'zod';
import type { Api } from '../cloud/api.ts';
import { collect, distanceFinding, listed, ok, priceFinding, priceOf, refused } from '../cloud/findings.ts';
import { chooseMachineType, type MachineType } from '../cloud/machine-type.ts';
import { sshFromFinding } from '../cloud/ssh-from.ts';
import { volumeFinding, volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest, Finding } from '../target.ts';
import { digitaloceanApi, digitaloceanEndpoint, provider } from './api.ts';
import type { DigitaloceanOptions } from './options.ts';

/** Gigabytes: https://docs.digitalocean.com/products/volumes/details/limits/ */
export const volumeLimits = { smallest: 1, largest: 16_384 };
/** The API tells no price of volumes; https://www.digitalocean.com/pricing/volumes does. */
const volumeUsdPerGigabyte = 0.1;

const account = z.object({
  account: z.object({ status: z.string(), status_message: z.string().nullish(), droplet_limit: z.number() }),
});
const regions = z.object({
  regions: z.array(z.object({ slug: z.string(), name: z.string(), available: z.boolean() })),
});
const sizes = z.object({
  sizes: z.array(
    z.object({
      slug: z.string(),
      /** MB */
      memory: z.number(),
      vcpus: z.number(),
      /** GB */
      disk: z.number(),
      price_monthly: z.number(),
      price_hourly: z.number(),
      regions: z.array(z.string()),
      available: z.boolean(),
    }),
  ),
});

/** Asks the API, and makes nothing. */
export function preflightDigitalocean(
  options: DigitaloceanOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const api = digitaloceanApi();
    const askedAt = performance.now();
    const {
      status,
      status_message: reason,
      droplet_limit: most,
    } = (await api.ask(account, '/account', {}, signal)).account;
    const roundTripMs = performance.now() - askedAt;
    add(
      status === 'active'
        ? ok('credentials', 'the token is valid, the account active')
        : refused('credentials', `The account is ${status}: ${reason ?? 'no reason is told'}`),
    );
    add(
      distanceFinding(provider, roundTripMs),
      volumeFinding(request, volumeLimits, options.volumeGigabytes),
    );
    const all = (await api.ask(regions, '/regions', { per_page: 200 }, signal)).regions;
    const region = all.find(({ slug }) => slug === options.region);
    if (region?.available === true) {
      add(ok('location', `${region.slug}: ${region.name}`));
      const { type, findings } = chooseMachineType(
        await machineTypes(api, options, signal),
        request.needs,
        options.size,
      );
      add(...findings);
      const perMonth = volumeUsdPerGigabyte * volumeGigabytes(request, volumeLimits, options.volumeGigabytes);
      if (type !== undefined) {
        const total = priceOf('USD', { perMonth: (type.price?.perMonth ?? 0) + perMonth });
        add(priceFinding(total, 'droplet as the API tells, and volume as the price list does'));
      }
    } else {
      const names = listed(all.filter(({ available }) => available).map(({ slug }) => slug));
      add(
        refused(
          'location',
          `There is no region ${options.region} that takes droplets`,
          `There are: ${names}.`,
        ),
      );
    }
    const count = (
      await api.ask(z.object({ meta: z.object({ total: z.number() }) }), '/droplets', { per_page: 1 }, signal)
    ).meta.total;
    add(
      count < most
        ? ok('quota', `${count} of ${most} droplets are there`)
        : refused(
            'quota',
            `All ${most} droplets that the account may have are there`,
            'Ask DigitalOcean for more.',
          ),
    );
    add(await sshFromFinding(options.sshFrom, digitaloceanEndpoint()));
  });
}

export async function machineTypes(
  api: Api,
  { region }: DigitaloceanOptions,
  signal?: AbortSignal,
): Promise<MachineType[]> {
  const all = (await api.ask(sizes, '/sizes', { per_page: 200 }, signal)).sizes;
  return all.map((size) => ({
    name: size.slug,
    cores: size.vcpus,
    memoryBytes: size.memory * 1024 ** 2,
    diskBytes: size.disk * 1024 ** 3,
    architecture: 'amd64',
    price: { currency: 'USD', perHour: size.price_hourly, perMonth: size.price_monthly },
    inStock: size.available && size.regions.includes(region),
  }));
}
