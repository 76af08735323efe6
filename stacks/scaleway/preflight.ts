import { z } from 'zod';
import type { Api } from '../cloud/api.ts';
import { collect, distanceFinding, listed, ok, priceFinding, priceOf, refused } from '../cloud/findings.ts';
import { chooseMachineType, type MachineType } from '../cloud/machine-type.ts';
import { sshFromFinding } from '../cloud/ssh-from.ts';
import { volumeFinding, volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest, Finding } from '../target.ts';
import { projectId, provider, scalewayApi, scalewayEndpoint } from './api.ts';
import type { ScalewayOptions } from './options.ts';

/** Gigabytes, of block storage: https://www.scaleway.com/en/docs/block-storage/ */
export const volumeLimits = { smallest: 5, largest: 10_000 };
/** The API tells no price of volumes; https://www.scaleway.com/en/pricing/storage/ does. */
const volumeEurPerGigabyte = 0.086;
const addressEurPerMonth = 2.92;

/** https://www.scaleway.com/en/docs/account/reference-content/products-availability/ */
const zones = [
  'fr-par-1',
  'fr-par-2',
  'fr-par-3',
  'nl-ams-1',
  'nl-ams-2',
  'nl-ams-3',
  'pl-waw-1',
  'pl-waw-2',
  'pl-waw-3',
  'it-mil-1',
];

const products = z.object({
  servers: z.record(
    z.string(),
    z.object({
      ncpus: z.number(),
      /** Bytes. */
      ram: z.number(),
      arch: z.string(),
      hourly_price: z.number(),
      end_of_service: z.boolean().optional(),
    }),
  ),
});
const stock = z.object({ servers: z.record(z.string(), z.object({ availability: z.string() })) });

/** Asks the API, and makes nothing. */
export function preflightScaleway(
  options: ScalewayOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const api = scalewayApi();
    const project = projectId();
    const askedAt = performance.now();
    const { name } = await api.ask(
      z.object({ name: z.string() }),
      `/account/v3/projects/${encodeURIComponent(project)}`,
      {},
      signal,
    );
    const roundTripMs = performance.now() - askedAt;
    add(
      ok('credentials', `the key is valid for the project ${name}`),
      distanceFinding(provider, roundTripMs),
    );
    add(volumeFinding(request, volumeLimits, options.volumeGigabytes));
    if (zones.includes(options.zone)) {
      add(ok('location', options.zone));
      const { type, findings } = chooseMachineType(
        await machineTypes(api, options, signal),
        request.needs,
        options.type,
      );
      add(...findings);
      const gigabytes = volumeGigabytes(request, volumeLimits, options.volumeGigabytes);
      const perMonth = (type?.price?.perMonth ?? 0) + gigabytes * volumeEurPerGigabyte + addressEurPerMonth;
      if (type !== undefined) {
        add(
          priceFinding(
            priceOf('EUR', { perMonth }),
            'instance as the API tells, volume and address as the price list does',
          ),
        );
      }
    } else {
      add(refused('location', `There is no zone ${options.zone}`, `There are: ${listed(zones)}.`));
    }
    add(await sshFromFinding(options.sshFrom, scalewayEndpoint()));
  });
}

export async function machineTypes(
  api: Api,
  { zone }: ScalewayOptions,
  signal?: AbortSignal,
): Promise<MachineType[]> {
  const path = `/instance/v1/zones/${encodeURIComponent(zone)}/products/servers`;
  const [{ servers }, available] = await Promise.all([
    api.ask(products, path, { per_page: 100 }, signal),
    api.ask(stock, `${path}/availability`, { per_page: 100 }, signal),
  ]);
  return Object.entries(servers).map(([name, { ncpus, ram, arch, hourly_price, end_of_service }]) => ({
    name,
    cores: ncpus,
    memoryBytes: ram,
    architecture: arch === 'arm64' ? 'arm64' : 'amd64',
    price: priceOf('EUR', { perHour: hourly_price }),
    inStock: end_of_service !== true && available.servers[name]?.availability !== 'shortage',
  }));
}
