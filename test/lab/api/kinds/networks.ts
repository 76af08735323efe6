import { z } from 'zod';
import { now } from '../actions.ts';
import { labels, name, parse, refuseTaken } from '../bodies.ts';
import { ApiError, invalidInput } from '../errors.ts';
import { contains, freeSubnet, gatewayOf, overlap } from '../ip-ranges.ts';
import { type Network, newId } from '../state.ts';
import { created, gone, type Route, route, type World } from '../world.ts';
import {
  actionRoute,
  commonRoutes,
  findOne,
  type Kind,
  protectionRoute,
  refuseOverQuota,
  refuseProtected,
  remove,
} from './kind.ts';

export const networkKind: Kind<Network> = {
  collection: 'networks',
  singular: 'network',
  type: 'network',
  all: (state) => state.networks,
  show: ({ state }, one) => ({
    id: one.id,
    name: one.name,
    labels: one.labels,
    created: one.created,
    ip_range: one.ipRange,
    subnets: one.subnets.map(({ type, ipRange, networkZone, gateway }) => ({
      type,
      ip_range: ipRange,
      network_zone: networkZone,
      gateway,
      vswitch_id: null,
    })),
    routes: one.routes,
    servers: state.servers.filter(({ privateNets }) => uses(privateNets, one)).map(({ id }) => id),
    load_balancers: state.loadBalancers
      .filter(({ privateNets }) => uses(privateNets, one))
      .map(({ id }) => id),
    protection: one.protection,
    expose_routes_to_vswitch: one.exposeRoutesToVswitch,
  }),
};

const uses = (nets: readonly { network: number }[], { id }: Network) =>
  nets.some(({ network }) => network === id);

const ipRange = z.string().regex(/^\d+\.\d+\.\d+\.\d+\/\d+$/, 'must be a network in CIDR notation');
const subnet = z.object({
  type: z.enum(['cloud', 'server', 'vswitch']),
  ip_range: ipRange.optional(),
  network_zone: z.string(),
});
const oneRoute = z.object({ destination: ipRange, gateway: z.string() });
const wanted = z.object({
  name,
  ip_range: ipRange,
  labels: labels.default({}),
  subnets: z.array(subnet).default([]),
  routes: z.array(oneRoute).default([]),
  expose_routes_to_vswitch: z.boolean().default(false),
});

export const networkRoutes: Route[] = [
  ...commonRoutes(networkKind),
  protectionRoute(networkKind),
  route('POST', '/networks', ({ world, body }) => {
    const { name, labels, ip_range: ipRange, ...rest } = parse(wanted, body);
    refuseTaken(world.state.networks, name);
    refuseOverQuota(world, 'networks');
    const network: Network = {
      id: newId(world.state),
      name,
      labels,
      created: now(),
      ipRange,
      subnets: [],
      routes: rest.routes,
      exposeRoutesToVswitch: rest.expose_routes_to_vswitch,
      protection: { delete: false },
    };
    for (const one of rest.subnets) network.subnets.push(subnetFor(network, one));
    world.state.networks.push(network);
    return created({ network: networkKind.show(world, network) });
  }),
  route('DELETE', '/networks/:id', (request) => {
    const network = findOne(networkKind, request);
    refuseProtected(network);
    refuseInUse(request.world, network);
    remove(networkKind, request.world, network);
    return gone();
  }),
  actionRoute(networkKind, 'add_subnet', (request, network) => {
    network.subnets.push(subnetFor(network, parse(subnet, request.body)));
    return undefined;
  }),
  actionRoute(networkKind, 'delete_subnet', (request, network) => {
    const { ip_range: ipRange } = parse(z.object({ ip_range: z.string() }), request.body);
    const addresses = request.world.state.servers.flatMap(({ privateNets }) => privateNets);
    if (addresses.some(({ network: id, ip }) => id === network.id && contains(ipRange, ip))) {
      throw new ApiError('resource_in_use', 'subnet has servers attached');
    }
    network.subnets = network.subnets.filter((one) => one.ipRange !== ipRange);
    return undefined;
  }),
  actionRoute(networkKind, 'add_route', (request, network) => {
    network.routes.push(parse(oneRoute, request.body));
    return undefined;
  }),
  actionRoute(networkKind, 'delete_route', (request, network) => {
    const { destination } = parse(oneRoute, request.body);
    network.routes = network.routes.filter((one) => one.destination !== destination);
    return undefined;
  }),
  actionRoute(networkKind, 'change_ip_range', (request, network) => {
    network.ipRange = parse(z.object({ ip_range: ipRange }), request.body).ip_range;
    return undefined;
  }),
];

function subnetFor(
  network: Network,
  { type, ip_range, network_zone }: z.infer<typeof subnet>,
): Network['subnets'][number] {
  const taken = network.subnets.map((one) => one.ipRange);
  const ipRange = ip_range ?? freeSubnet(network.ipRange, taken);
  if (ipRange === undefined || !contains(network.ipRange, ipRange.split('/')[0] ?? '')) {
    throw invalidInput('ip_range', 'must lie in the range of the network');
  }
  if (taken.some((one) => overlap(one, ipRange)))
    throw invalidInput('ip_range', 'overlaps with another subnet');
  return { type, ipRange, networkZone: network_zone, gateway: gatewayOf(network.ipRange) };
}

function refuseInUse({ state }: World, network: Network): void {
  if ([...state.servers, ...state.loadBalancers].some(({ privateNets }) => uses(privateNets, network))) {
    throw new ApiError('resource_in_use', 'network is in use');
  }
}
