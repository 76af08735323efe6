import { z } from 'zod';
import { now, startAction } from '../actions.ts';
import { freeIp } from '../addresses.ts';
import { find, id, idOrName, labels, name, parse, refuseTaken, required } from '../bodies.ts';
import { loadBalancerTypes } from '../catalog.ts';
import { ApiError } from '../errors.ts';
import { type LoadBalancer, newId } from '../state.ts';
import { created, gone, type Route, route } from '../world.ts';
import { showLocation } from './catalog.ts';
import {
  actionRoute,
  commonRoutes,
  findOne,
  type Kind,
  protectionRoute,
  referTo,
  refuseProtected,
  remove,
} from './kind.ts';
import { locationOf } from './primary-ips.ts';

/** They are kept and shown; the lab balances nothing. */
export const loadBalancerKind: Kind<LoadBalancer> = {
  collection: 'load_balancers',
  singular: 'load_balancer',
  type: 'load_balancer',
  all: (state) => state.loadBalancers,
  show: (_world, one) => ({
    id: one.id,
    name: one.name,
    labels: one.labels,
    created: one.created,
    public_net: {
      enabled: true,
      ipv4: { ip: one.ipv4, dns_ptr: null },
      ipv6: { ip: one.ipv6.replace('::/64', '::1'), dns_ptr: null },
    },
    private_net: one.privateNets,
    location: showLocation(one.location),
    load_balancer_type: find(loadBalancerTypes, one.type) ?? null,
    protection: one.protection,
    services: one.services,
    targets: one.targets,
    algorithm: { type: one.algorithm },
    included_traffic: 21_990_232_555_520,
    outgoing_traffic: null,
    ingoing_traffic: null,
  }),
};

const healthCheck = { protocol: 'tcp', interval: 15, timeout: 10, retries: 3 };
const port = z.number().int().min(1).max(65_535);
const service = z
  .looseObject({
    protocol: z.enum(['tcp', 'http', 'https']),
    listen_port: port.optional(),
    destination_port: port.optional(),
    proxyprotocol: z.boolean().default(false),
  })
  .transform((one) => {
    const usual = { tcp: 0, http: 80, https: 443 }[one.protocol];
    const listen_port = one.listen_port ?? usual;
    const destination_port = one.destination_port ?? (usual === 0 ? listen_port : 80);
    const health_check = { ...healthCheck, port: destination_port };
    return { health_check, ...one, listen_port, destination_port };
  });
const target = z.looseObject({
  type: z.enum(['server', 'label_selector', 'ip']),
  server: z.object({ id }).optional(),
  use_private_ip: z.boolean().default(false),
});
const algorithm = z.object({ type: z.enum(['round_robin', 'least_connections']) });
const wanted = z.object({
  name,
  load_balancer_type: idOrName,
  location: z.string().optional(),
  network_zone: z.string().optional(),
  labels: labels.default({}),
  algorithm: algorithm.default({ type: 'round_robin' }),
  services: z.array(service).default([]),
  targets: z.array(target).default([]),
});

export const loadBalancerRoutes: Route[] = [
  ...commonRoutes(loadBalancerKind),
  protectionRoute(loadBalancerKind),
  route('POST', '/load_balancers', ({ world, body }) => {
    const facts = parse(wanted, body);
    refuseTaken(world.state.loadBalancers, facts.name);
    const type = required(find(loadBalancerTypes, facts.load_balancer_type), 'load_balancer_type');
    const location = required(
      locationOf(facts) ?? (facts.network_zone === undefined ? undefined : 'fsn1'),
      'location',
    );
    const balancer: LoadBalancer = {
      id: newId(world.state),
      name: facts.name,
      labels: facts.labels,
      created: now(),
      type: type.name,
      location,
      ipv4: freeIp(world, 'ipv4'),
      ipv6: freeIp(world, 'ipv6'),
      algorithm: facts.algorithm.type,
      services: facts.services,
      targets: facts.targets,
      privateNets: [],
      protection: { delete: false },
    };
    world.state.loadBalancers.push(balancer);
    const action = startAction(world, 'create_load_balancer', [referTo(loadBalancerKind, balancer)]);
    return created({ load_balancer: loadBalancerKind.show(world, balancer), action });
  }),
  route('DELETE', '/load_balancers/:id', (request) => {
    const balancer = findOne(loadBalancerKind, request);
    refuseProtected(balancer);
    remove(loadBalancerKind, request.world, balancer);
    return gone();
  }),
  actionRoute(loadBalancerKind, 'add_service', ({ body }, balancer) => {
    const one = parse(service, body);
    if (balancer.services.some(({ listen_port }) => listen_port === one.listen_port)) {
      throw new ApiError('conflict', 'source port is already used');
    }
    balancer.services.push(one);
    return undefined;
  }),
  actionRoute(loadBalancerKind, 'update_service', ({ body }, balancer) => {
    const changes = parse(z.looseObject({ listen_port: port }), body);
    Object.assign(
      required(
        balancer.services.find(({ listen_port }) => listen_port === changes.listen_port),
        'listen_port',
      ),
      changes,
    );
    return undefined;
  }),
  actionRoute(loadBalancerKind, 'delete_service', ({ body }, balancer) => {
    const { listen_port } = parse(z.object({ listen_port: port }), body);
    balancer.services = balancer.services.filter((one) => one.listen_port !== listen_port);
    return undefined;
  }),
  actionRoute(loadBalancerKind, 'add_target', ({ world, body }, balancer) => {
    const one = parse(target, body);
    if (one.type === 'server')
      required(
        world.state.servers.find(({ id }) => id === one.server?.id),
        'server',
      );
    if (balancer.targets.some((other) => same(other, one)))
      throw new ApiError('target_already_defined', 'target already defined');
    balancer.targets.push(one);
    return undefined;
  }),
  actionRoute(loadBalancerKind, 'remove_target', ({ body }, balancer) => {
    const one = parse(target, body);
    balancer.targets = balancer.targets.filter((other) => !same(other, one));
    return undefined;
  }),
  actionRoute(loadBalancerKind, 'change_algorithm', ({ body }, balancer) => {
    balancer.algorithm = parse(algorithm, body).type;
    return undefined;
  }),
];

function same(one: LoadBalancer['targets'][number], other: LoadBalancer['targets'][number]): boolean {
  const key = ({ type, ...rest }: LoadBalancer['targets'][number]) => JSON.stringify([type, rest[type]]);
  return key(one) === key(other);
}
