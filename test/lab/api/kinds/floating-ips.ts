import { z } from 'zod';
import { now, startAction } from '../actions.ts';
import { freeIp } from '../addresses.ts';
import { id, labels, name, parse, refuseTaken, required } from '../bodies.ts';
import { type FloatingIp, newId } from '../state.ts';
import { created, gone, type Route, route } from '../world.ts';
import { showLocation } from './catalog.ts';
import {
  actionRoute,
  commonRoutes,
  findOne,
  type Kind,
  protectionRoute,
  refuseProtected,
  remove,
} from './kind.ts';
import { locationOf } from './primary-ips.ts';

/** They are shown and assigned; the lab routes none of them. */
export const floatingIpKind: Kind<FloatingIp> = {
  collection: 'floating_ips',
  singular: 'floating_ip',
  type: 'floating_ip',
  all: (state) => state.floatingIps,
  show: (_world, one) => ({
    id: one.id,
    name: one.name,
    labels: one.labels,
    created: one.created,
    description: one.description,
    type: one.type,
    ip: one.ip,
    server: one.server ?? null,
    blocked: false,
    dns_ptr: Object.entries(one.dnsPtr).map(([ip, dns_ptr]) => ({ ip, dns_ptr })),
    home_location: showLocation(one.location),
    protection: one.protection,
  }),
};

const wanted = z.object({
  type: z.enum(['ipv4', 'ipv6']),
  name: name.optional(),
  description: z.string().nullish(),
  home_location: z.string().optional(),
  server: id.nullish(),
  labels: labels.default({}),
});

export const floatingIpRoutes: Route[] = [
  ...commonRoutes(floatingIpKind, { description: z.string().optional() }),
  protectionRoute(floatingIpKind),
  route('POST', '/floating_ips', ({ world, body }) => {
    const facts = parse(wanted, body);
    refuseTaken(world.state.floatingIps, facts.name);
    const server = world.state.servers.find((one) => one.id === facts.server);
    const location =
      server?.location ?? required(locationOf({ location: facts.home_location }), 'home_location');
    const ownId = newId(world.state);
    const address: FloatingIp = {
      id: ownId,
      name: facts.name ?? `floating-ip-${ownId}`,
      labels: facts.labels,
      created: now(),
      type: facts.type,
      ip: freeIp(world, facts.type),
      description: facts.description ?? '',
      location,
      server: server?.id,
      dnsPtr: {},
      protection: { delete: false },
    };
    world.state.floatingIps.push(address);
    const about = [{ id: ownId, type: 'floating_ip' }];
    const action = startAction(world, 'create_floating_ip', about);
    return created({ floating_ip: floatingIpKind.show(world, address), action });
  }),
  route('DELETE', '/floating_ips/:id', (request) => {
    const address = findOne(floatingIpKind, request);
    refuseProtected(address);
    remove(floatingIpKind, request.world, address);
    return gone();
  }),
  actionRoute(floatingIpKind, 'assign', ({ world, body }, address) => {
    const { server } = parse(z.object({ server: id }), body);
    const assignee = required(
      world.state.servers.find((one) => one.id === server),
      'server',
    );
    return () => {
      address.server = assignee.id;
    };
  }),
  actionRoute(floatingIpKind, 'unassign', (_request, address) => () => {
    address.server = undefined;
  }),
  actionRoute(floatingIpKind, 'change_dns_ptr', ({ body }, address) => {
    const { ip, dns_ptr } = parse(z.object({ ip: z.string(), dns_ptr: z.string().nullable() }), body);
    return () => {
      if (dns_ptr === null) delete address.dnsPtr[ip];
      else address.dnsPtr[ip] = dns_ptr;
    };
  }),
];
