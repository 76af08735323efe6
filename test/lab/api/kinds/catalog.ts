import { find } from '../bodies.ts';
import * as catalog from '../catalog.ts';
import { notFound } from '../errors.ts';
import { listReply, select } from '../list.ts';
import { ok, type Route, route, type World } from '../world.ts';

/** What is on offer: read-only, the same for every project. */
export const catalogRoutes: Route[] = [
  ...listed('locations', 'location', catalog.locations, (_world, one) => ({ ...one })),
  ...listed('datacenters', 'datacenter', catalog.datacenters, showDatacenter),
  ...listed('server_types', 'server_type', catalog.serverTypes, showServerType),
  ...listed('load_balancer_types', 'load_balancer_type', catalog.loadBalancerTypes, (_world, one) => ({
    ...one,
  })),
  route('GET', '/images', ({ query }) => {
    const fits = (key: 'architecture' | 'type' | 'status', value: string) =>
      !query.has(key) || query.getAll(key).includes(value);
    const all = catalog.images.filter(
      (one) => fits('architecture', one.architecture) && fits('type', one.type) && fits('status', one.status),
    );
    return listReply('images', select(all, query), query);
  }),
  route('GET', '/images/:id', ({ params }) => ok({ image: found('image', catalog.images, params['id']) })),
  route('GET', '/isos', ({ query }) => listReply('isos', [], query)),
  route('GET', '/certificates', ({ query }) => listReply('certificates', [], query)),
  route('GET', '/pricing', () => ok({ pricing: pricing() })),
];

function listed<T extends { id: number; name: string }>(
  collection: string,
  singular: string,
  all: readonly T[],
  show: (world: World, one: T) => Record<string, unknown>,
): Route[] {
  return [
    route('GET', `/${collection}`, ({ world, query }) =>
      listReply(
        collection,
        select(all, query).map((one) => show(world, one)),
        query,
      ),
    ),
    route('GET', `/${collection}/:id`, ({ world, params }) =>
      ok({ [singular]: show(world, found(singular, all, params['id'])) }),
    ),
  ];
}

function found<T extends { id: number; name: string }>(
  what: string,
  all: readonly T[],
  id: string | undefined,
): T {
  const one = all.find((other) => other.id === Number(id));
  if (one === undefined) throw notFound(what, id ?? '');
  return one;
}

export function showLocation(name: string): Record<string, unknown> {
  return { ...find(catalog.locations, name) };
}

/** The data center that servers and addresses of the location are in. */
export function datacenterOf(world: World, location: string): Record<string, unknown> {
  const datacenter = catalog.datacenters.find((one) => one.location === location);
  return datacenter === undefined ? {} : showDatacenter(world, datacenter);
}

function showDatacenter(world: World, one: (typeof catalog.datacenters)[number]): Record<string, unknown> {
  const sold = catalog.serverTypes.filter(({ locations }) => locations.includes(one.location));
  const available = sold.filter((type) => isAvailable(world, type, one.location)).map(({ id }) => id);
  const supported = sold.map(({ id }) => id);
  return {
    ...one,
    location: showLocation(one.location),
    server_types: { supported, available, available_for_migration: available },
  };
}

export function showServerType(world: World, one: catalog.ServerType): Record<string, unknown> {
  const deprecation = one.deprecated ?? null;
  return {
    id: one.id,
    name: one.name,
    description: one.name.toUpperCase(),
    category: one.category,
    cores: one.cores,
    memory: one.memoryGb,
    disk: one.diskGb,
    storage_type: 'local',
    cpu_type: one.cpuType,
    architecture: one.architecture,
    included_traffic: 0,
    deprecated: deprecation !== null,
    deprecation,
    prices: one.locations.map((location) => ({ location, ...catalog.price(one.hourly), ...catalog.traffic })),
    locations: catalog.locations
      .filter(({ name }) => one.locations.includes(name))
      .map(({ id, name }) => {
        const available = isAvailable(world, one, name);
        return { id, name, available, recommended: available && deprecation === null, deprecation };
      }),
  };
}

export function isAvailable(world: World, type: catalog.ServerType, location: string): boolean {
  return !world.faults.isDue(
    'out-of-stock',
    (fault) => (fault.location ?? location) === location && (fault.serverType ?? type.name) === type.name,
  );
}

function pricing(): Record<string, unknown> {
  const everywhere = (hourly: number) =>
    catalog.locations.map(({ name }) => ({ location: name, ...catalog.price(hourly) }));
  const monthly = (net: number) =>
    catalog.locations.map(({ name }) => ({ location: name, price_monthly: catalog.amount(net) }));
  return {
    currency: 'EUR',
    vat_rate: '19.00',
    image: { price_per_gb_month: catalog.amount(0.011) },
    volume: { price_per_gb_month: catalog.amount(catalog.volumeMonthly) },
    floating_ip: { price_monthly: catalog.amount(3) },
    floating_ips: [
      { type: 'ipv4', prices: monthly(3) },
      { type: 'ipv6', prices: monthly(1) },
    ],
    primary_ips: Object.entries(catalog.primaryIpMonthly).map(([type, net]) => ({
      type,
      prices: everywhere(net / 624),
    })),
    server_backup: { percentage: '20.0000000000' },
    traffic: { price_per_tb: catalog.amount(1) },
    server_types: catalog.serverTypes.map((one) => ({
      id: one.id,
      name: one.name,
      prices: one.locations.map((location) => ({
        location,
        ...catalog.price(one.hourly),
        ...catalog.traffic,
      })),
    })),
    load_balancer_types: catalog.loadBalancerTypes.map(({ id, name, prices }) => ({ id, name, prices })),
  };
}
