import { z } from 'zod';
import { now, startAction } from '../actions.ts';
import { freeIp } from '../addresses.ts';
import { id, labels, name, parse, refuseTaken, required } from '../bodies.ts';
import * as catalog from '../catalog.ts';
import { ApiError } from '../errors.ts';
import { newId, type PrimaryIp, type Server } from '../state.ts';
import { created, gone, type Route, route, type World } from '../world.ts';
import { datacenterOf, showLocation } from './catalog.ts';
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

export const primaryIpKind: Kind<PrimaryIp> = {
  collection: 'primary_ips',
  singular: 'primary_ip',
  type: 'primary_ip',
  all: (state) => state.primaryIps,
  show: (world, one) => ({
    id: one.id,
    name: one.name,
    labels: one.labels,
    created: one.created,
    type: one.type,
    ip: one.ip,
    assignee_id: one.server ?? null,
    assignee_type: 'server',
    auto_delete: one.autoDelete,
    blocked: false,
    dns_ptr: Object.entries(one.dnsPtr).map(([ip, dns_ptr]) => ({ ip, dns_ptr })),
    protection: one.protection,
    location: showLocation(one.location),
    datacenter: datacenterOf(world, one.location),
  }),
};

const wanted = z.object({
  name,
  type: z.enum(['ipv4', 'ipv6']),
  assignee_type: z.literal('server').default('server'),
  assignee_id: id.nullish(),
  location: z.string().optional(),
  datacenter: z.string().optional(),
  auto_delete: z.boolean().default(false),
  labels: labels.default({}),
});

export const primaryIpRoutes: Route[] = [
  ...commonRoutes(primaryIpKind, { auto_delete: z.boolean().optional() }).map(withAutoDelete),
  protectionRoute(primaryIpKind),
  route('POST', '/primary_ips', ({ world, body }) => {
    const { name, type, auto_delete: autoDelete, labels, ...rest } = parse(wanted, body);
    refuseTaken(world.state.primaryIps, name);
    const server = world.state.servers.find((one) => one.id === rest.assignee_id);
    const location = server?.location ?? required(locationOf(rest), 'location');
    refuseOverQuota(world, 'primary_ips');
    if (server !== undefined) refuseUnassignable(world, { type, server: undefined }, server);
    const address = addPrimaryIp(world, { name, type, location, autoDelete, labels });
    if (server === undefined)
      return created({ primary_ip: primaryIpKind.show(world, address), action: null });
    return created({
      primary_ip: primaryIpKind.show(world, address),
      action: assign(world, address, server),
    });
  }),
  route('DELETE', '/primary_ips/:id', (request) => {
    const address = findOne(primaryIpKind, request);
    refuseProtected(address);
    if (address.server !== undefined) throw new ApiError('resource_in_use', 'primary IP is assigned');
    remove(primaryIpKind, request.world, address);
    return gone();
  }),
  route('POST', '/primary_ips/:id/actions/assign', (request) => {
    const { world } = request;
    const address = findOne(primaryIpKind, request);
    const { assignee_id } = parse(z.object({ assignee_id: id, assignee_type: z.string() }), request.body);
    const server = required(
      world.state.servers.find((one) => one.id === assignee_id),
      'assignee_id',
    );
    refuseUnassignable(world, address, server);
    return created({ action: assign(world, address, server) });
  }),
  actionRoute(primaryIpKind, 'unassign', ({ world }, address) => {
    const server = world.state.servers.find((one) => one.id === address.server);
    if (server !== undefined && server.status !== 'off')
      throw new ApiError('server_not_stopped', 'server must be off');
    return () => {
      address.server = undefined;
    };
  }),
  actionRoute(primaryIpKind, 'change_dns_ptr', (request, address) => {
    const { ip, dns_ptr } = parse(z.object({ ip: z.string(), dns_ptr: z.string().nullable() }), request.body);
    return () => {
      if (dns_ptr === null) delete address.dnsPtr[ip];
      else address.dnsPtr[ip] = dns_ptr;
    };
  }),
];

/** PUT brings `auto_delete`, by the name that the API has for it. */
function withAutoDelete(one: Route): Route {
  if (one.method !== 'PUT') return one;
  return route('PUT', one.path, async (request) => {
    const reply = await one.handle(request);
    const address = findOne(primaryIpKind, request) as PrimaryIp & { auto_delete?: boolean };
    if (address.auto_delete === undefined) return reply;
    address.autoDelete = address.auto_delete;
    delete address.auto_delete;
    return { ...reply, body: { primary_ip: primaryIpKind.show(request.world, address) } };
  });
}

/** By its name, or by that of a data center there. */
export function locationOf(body: { location?: unknown; datacenter?: unknown }): string | undefined {
  const named = [body.location, catalog.datacenters.find(({ name }) => name === body.datacenter)?.location];
  return catalog.locations.find(({ name, id }) => named.includes(name) || named.includes(id))?.name;
}

export function addPrimaryIp(
  world: World,
  facts: Pick<PrimaryIp, 'name' | 'type' | 'location' | 'autoDelete' | 'labels'>,
): PrimaryIp {
  const ip = freeIp(world, facts.type);
  const base = { id: newId(world.state), created: now(), ip, server: undefined, dnsPtr: {} };
  const address: PrimaryIp = { ...facts, ...base, protection: { delete: false } };
  world.state.primaryIps.push(address);
  return address;
}

export function refuseUnassignable(
  world: World,
  address: Pick<PrimaryIp, 'type' | 'server'>,
  server: Server,
): void {
  if (address.server !== undefined)
    throw new ApiError('primary_ip_assigned', 'primary IP is already assigned');
  if (world.state.primaryIps.some((one) => one.server === server.id && one.type === address.type)) {
    throw new ApiError('conflict', `server has already a primary IP of type ${address.type}`);
  }
  if (server.status !== 'off') throw new ApiError('server_not_stopped', 'server must be off');
}

function assign(world: World, address: PrimaryIp, server: Server) {
  const about = [
    { id: address.id, type: 'primary_ip' },
    { id: server.id, type: 'server' },
  ];
  return startAction(world, 'assign_primary_ip', about, () => {
    address.server = server.id;
  });
}
