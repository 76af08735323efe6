import { z } from 'zod';
import { now, startAction } from '../actions.ts';
import { id, labels, name, parse, refuseTaken } from '../bodies.ts';
import { ApiError, invalidInput } from '../errors.ts';
import { labelSelector } from '../list.ts';
import { enforceRules } from '../servers-work.ts';
import { type Firewall, type FirewallRule, newId } from '../state.ts';
import { type ApiRequest, created, gone, type Route, route, type World } from '../world.ts';
import { commonRoutes, findOne, type Kind, referTo, refuseOverQuota, remove } from './kind.ts';

export const firewallKind: Kind<Firewall> = {
  collection: 'firewalls',
  singular: 'firewall',
  type: 'firewall',
  all: (state) => state.firewalls,
  show: ({ state }, one) => ({
    id: one.id,
    name: one.name,
    labels: one.labels,
    created: one.created,
    rules: one.rules,
    applied_to: [
      ...one.servers.map((server) => ({ type: 'server', server: { id: server } })),
      ...one.labelSelectors.map((selector) => ({
        type: 'label_selector',
        label_selector: { selector },
        applied_to_resources: state.servers
          .filter((server) => labelSelector(selector)(server.labels))
          .map((server) => ({ type: 'server', server: { id: server.id } })),
      })),
    ],
  }),
};

const networks = z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]);
const rule = z
  .object({
    direction: z.enum(['in', 'out']),
    protocol: z.enum(['tcp', 'udp', 'icmp', 'esp', 'gre']),
    source_ips: networks,
    destination_ips: networks,
    port: z
      .string()
      .regex(/^(any|\d{1,5}(-\d{1,5})?)$/)
      .nullish(),
    description: z.string().max(255).nullish(),
  })
  .transform((one): FirewallRule => ({
    ...one,
    port: one.port ?? null,
    description: one.description ?? null,
  }));
const rules = z.array(rule).max(50);
const resource = z.object({
  type: z.enum(['server', 'label_selector']),
  server: z.object({ id }).nullish(),
  label_selector: z.object({ selector: z.string() }).nullish(),
});
const resources = z.array(resource);
const wanted = z.object({
  name,
  labels: labels.default({}),
  rules: rules.default([]),
  apply_to: resources.default([]),
});

export const firewallRoutes: Route[] = [
  ...commonRoutes(firewallKind),
  route('POST', '/firewalls', ({ world, body }) => {
    const facts = parse(wanted, body);
    refuseTaken(world.state.firewalls, facts.name);
    refuseIncomplete(facts.rules);
    refuseOverQuota(world, 'firewalls');
    const firewall: Firewall = {
      id: newId(world.state),
      name: facts.name,
      labels: facts.labels,
      created: now(),
      rules: facts.rules,
      servers: [],
      labelSelectors: [],
    };
    apply(world, firewall, facts.apply_to);
    world.state.firewalls.push(firewall);
    const actions = facts.apply_to.length === 0 ? [] : [enforce(world, 'apply_firewall', firewall)];
    return created({ firewall: firewallKind.show(world, firewall), actions });
  }),
  route('DELETE', '/firewalls/:id', (request) => {
    const firewall = findOne(firewallKind, request);
    if (firewall.servers.length + firewall.labelSelectors.length > 0) {
      throw new ApiError('resource_in_use', 'firewall is still in use');
    }
    remove(firewallKind, request.world, firewall);
    return gone();
  }),
  changing('set_rules', 'set_firewall_rules', z.object({ rules }), (_world, firewall, { rules }) => {
    refuseIncomplete(rules);
    firewall.rules = rules;
  }),
  changing(
    'apply_to_resources',
    'apply_firewall',
    z.object({ apply_to: resources }),
    (world, firewall, { apply_to }) => {
      apply(world, firewall, apply_to);
    },
  ),
  changing(
    'remove_from_resources',
    'remove_firewall',
    z.object({ remove_from: resources }),
    (_world, firewall, { remove_from }) => {
      const servers = remove_from.map(({ server }) => server?.id);
      const selectors = remove_from.map(({ label_selector }) => label_selector?.selector);
      firewall.servers = firewall.servers.filter((one) => !servers.includes(one));
      firewall.labelSelectors = firewall.labelSelectors.filter((one) => !selectors.includes(one));
    },
  ),
];

/** These answer with a list of actions. */
function changing<Body>(
  path: string,
  command: string,
  schema: z.ZodType<Body>,
  change: (world: World, firewall: Firewall, body: Body) => void,
): Route {
  return route('POST', `/firewalls/:id/actions/${path}`, (request: ApiRequest) => {
    const firewall = findOne(firewallKind, request);
    change(request.world, firewall, parse(schema, request.body));
    return created({ actions: [enforce(request.world, command, firewall)] });
  });
}

function enforce(world: World, command: string, firewall: Firewall) {
  return startAction(world, command, [referTo(firewallKind, firewall)], () => enforceRules(world));
}

function apply({ state }: World, firewall: Firewall, resources: readonly z.infer<typeof resource>[]): void {
  for (const { server, label_selector } of resources) {
    if (server !== undefined && server !== null) {
      if (!state.servers.some((one) => one.id === server.id)) {
        throw new ApiError('firewall_resource_not_found', `server with ID '${server.id}' not found`);
      }
      if (firewall.servers.includes(server.id)) {
        throw new ApiError('firewall_already_applied', 'firewall is already applied to the server');
      }
      firewall.servers.push(server.id);
    }
    if (label_selector !== undefined && label_selector !== null) {
      labelSelector(label_selector.selector);
      firewall.labelSelectors.push(label_selector.selector);
    }
  }
}

function refuseIncomplete(rules: readonly FirewallRule[]): void {
  for (const [index, one] of rules.entries()) {
    const hasPort = one.protocol === 'tcp' || one.protocol === 'udp';
    if (hasPort !== (one.port !== null))
      throw invalidInput(`rules.${index}.port`, 'is for tcp and udp, and needed there');
    const networks = one.direction === 'in' ? one.source_ips : one.destination_ips;
    if (networks.length === 0) throw invalidInput(`rules.${index}`, 'no networks given');
  }
}
