import type { Api } from '../cloud/api.ts';
import { reasonOf, statusOf } from '../cloud/api.ts';
import { collect, distanceFinding, listed, ok, priceFinding, priceOf, refused } from '../cloud/findings.ts';
import { chooseMachineType, type MachineType } from '../cloud/machine-type.ts';
import { sshFromFinding } from '../cloud/ssh-from.ts';
import { volumeFinding, volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest, Finding } from '../target.ts';
import {
  hetznerApi,
  hetznerEndpoint,
  listAll,
  locationSchema,
  pricingSchema,
  provider,
  resourceSchema,
  serverTypeSchema,
  type Location,
  type Pricing,
} from './api.ts';
import type { HetznerOptions } from './options.ts';
import { machineTypesAt } from './server-types.ts';

/** Gigabytes: https://docs.hetzner.com/cloud/volumes/overview/ */
export const volumeLimits = { smallest: 10, largest: 10_240 };

/** Asks the API, and makes nothing. */
export function preflightHetzner(
  options: HetznerOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const api = hetznerApi();
    const askedAt = performance.now();
    const locations = await listAll(api, '/locations', locationSchema, {}, signal);
    const roundTripMs = performance.now() - askedAt;
    add(ok('credentials', 'the token is valid'), await checkWriting(api, signal));
    add(distanceFinding(provider, roundTripMs));

    const location = locations.find(({ name }) => name === options.location);
    add(locationFinding(location, options.location, locations));
    add(volumeFinding(request, volumeLimits, options.volumeGigabytes));
    if (location !== undefined) {
      const pricing = (await api.ask(pricingSchema, '/pricing', {}, signal)).pricing;
      const types = await listAll(api, '/server_types', serverTypeSchema, {}, signal);
      const offered = machineTypesAt(types, location.name, pricing.currency);
      const { type, findings } = chooseMachineType(offered, request.needs, options.serverType);
      add(...findings);
      if (type !== undefined) add(priceAt(pricing, type, options, request));
    }
    add(await quotaFinding(api, signal), await sshFromFinding(options.sshFrom, hetznerEndpoint()));
  });
}

/**
 * A token that may only read is refused any other request before anything is looked at; one that may write is told that
 * there is no key of this number.
 */
async function checkWriting(api: Api, signal: AbortSignal | undefined): Promise<Finding> {
  try {
    await api.send('DELETE', '/ssh_keys/0', undefined, signal);
  } catch (error) {
    if (statusOf(error) === 403 || reasonOf(error) === 'token_readonly') {
      return refused(
        'permissions',
        'The token may only read',
        'Make one with read and write access (Hetzner Console: Security, API tokens), and set HCLOUD_TOKEN to it.',
      );
    }
    if (statusOf(error) === undefined || statusOf(error) === 401) throw error;
  }
  return ok('permissions', 'the token may read and write');
}

function locationFinding(found: Location | undefined, wanted: string, all: readonly Location[]): Finding {
  if (found !== undefined) return ok('location', `${found.name}: ${found.city}, ${found.country}`);
  return refused(
    'location',
    `There is no location ${wanted}`,
    `There are: ${listed(all.map(({ name, city }) => `${name} (${city})`))}.`,
  );
}

/** Server, volume and address; traffic beyond what is included comes on top. */
function priceAt(
  pricing: Pricing,
  type: MachineType,
  options: HetznerOptions,
  request: DeployRequest,
): Finding {
  const gigabytes = volumeGigabytes(request, volumeLimits, options.volumeGigabytes);
  const volume = priceOf(pricing.currency, {
    perMonth: gigabytes * Number(pricing.volume.price_per_gb_month.gross),
  });
  const address = pricing.primary_ips
    .find(({ type }) => type === 'ipv4')
    ?.prices.find(({ location }) => location === options.location);
  const total = {
    currency: pricing.currency,
    perHour: (type.price?.perHour ?? 0) + volume.perHour + Number(address?.price_hourly.gross ?? 0),
    perMonth: (type.price?.perMonth ?? 0) + volume.perMonth + Number(address?.price_monthly.gross ?? 0),
  };
  const vat = Number(pricing.vat_rate);
  return priceFinding(total, `server, volume and address, with ${vat} % VAT, as the API tells`);
}

/** The API tells no limits, only what counts against them. */
async function quotaFinding(api: Api, signal: AbortSignal | undefined): Promise<Finding> {
  const servers = await listAll(api, '/servers', resourceSchema, {}, signal);
  return ok(
    'quota',
    `${servers.length} servers are there; Hetzner tells the project’s limits in its console only, and refuses what goes beyond them`,
  );
}
