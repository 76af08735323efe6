import { z } from 'zod';
import { now, startAction } from '../actions.ts';
import { find, labels, parse, refuseTaken } from '../bodies.ts';
import { notFound } from '../errors.ts';
import { newId, type Zone } from '../state.ts';
import { type ApiRequest, created, ok, type Route, route } from '../world.ts';
import { actionRoute, commonRoutes, type Kind, referTo, refuseProtected, remove } from './kind.ts';
import { zoneText } from '../zone-file.ts';
import { newRrset, rrset, rrsetRoutes } from './rrsets.ts';

const nameServers = ['hydrogen.ns.hetzner.com.', 'oxygen.ns.hetzner.com.', 'helium.ns.hetzner.de.'];

export const zoneKind: Kind<Zone> = {
  collection: 'zones',
  singular: 'zone',
  type: 'zone',
  all: (state) => state.zones,
  show: (_world, one) => ({
    id: one.id,
    name: one.name,
    labels: one.labels,
    created: one.created,
    ttl: one.ttl,
    mode: one.mode,
    primary_nameservers: [],
    protection: one.protection,
    authoritative_nameservers: {
      assigned: nameServers,
      delegated: nameServers,
      delegation_last_check: one.created,
      delegation_status: 'valid',
    },
    registrar: 'other',
    status: 'ok',
    record_count: one.rrsets.reduce((count, { records }) => count + records.length, 0),
  }),
};

const ttl = z.number().int().min(60).max(2_147_483_647);
const wanted = z.object({
  name: z.string().regex(/^([a-z0-9_-]+\.)+[a-z0-9-]+$/),
  mode: z.literal('primary').default('primary'),
  ttl: ttl.default(3600),
  labels: labels.default({}),
  rrsets: z.array(rrset).default([]),
});

export const zoneRoutes: Route[] = [
  ...commonRoutes(zoneKind).map(byName),
  byName(protectionRouteOf()),
  route('POST', '/zones', ({ world, body }) => {
    const { rrsets, ...facts } = parse(wanted, body);
    refuseTaken(world.state.zones, facts.name);
    const zone: Zone = {
      ...facts,
      id: newId(world.state),
      created: now(),
      protection: { delete: false },
      rrsets: [
        newRrset({
          name: '@',
          type: 'NS',
          records: nameServers.map((value) => ({ value })),
        }),
        newRrset({
          name: '@',
          type: 'SOA',
          records: [
            { value: 'hydrogen.ns.hetzner.com. dns.hetzner.com. 2025010101 86400 10800 3600000 3600' },
          ],
        }),
        ...rrsets.map(newRrset),
      ],
    };
    world.state.zones.push(zone);
    const action = startAction(world, 'create_zone', [referTo(zoneKind, zone)]);
    return created({ zone: zoneKind.show(world, zone), action });
  }),
  route('DELETE', '/zones/:id', (request) => {
    const zone = findZone(request);
    refuseProtected(zone);
    remove(zoneKind, request.world, zone);
    return ok({ action: startAction(request.world, 'delete_zone', [referTo(zoneKind, zone)]) });
  }),
  route('GET', '/zones/:id/zonefile', (request) => ok({ zonefile: zoneText(findZone(request)) })),
  byName(
    actionRoute(zoneKind, 'change_ttl', ({ body }, zone) => {
      zone.ttl = parse(z.object({ ttl }), body).ttl;
      return undefined;
    }),
  ),
  ...rrsetRoutes(findZone),
];

function protectionRouteOf(): Route {
  return actionRoute(zoneKind, 'change_protection', ({ body }, zone) => {
    zone.protection.delete = parse(z.object({ delete: z.boolean() }), body).delete;
    return undefined;
  });
}

/** A zone goes by its name as well as by its ID. */
function findZone({ world, params }: ApiRequest): Zone {
  const zone = find(world.state.zones, params['id'] ?? '');
  if (zone === undefined) throw notFound('zone', params['id'] ?? '');
  return zone;
}

function byName(one: Route): Route {
  if (!one.path.startsWith('/zones/:id')) return one;
  return route(one.method, one.path, (request) =>
    one.handle({ ...request, params: { ...request.params, id: String(findZone(request).id) } }),
  );
}
