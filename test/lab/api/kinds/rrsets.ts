import { z } from 'zod';
import { startAction } from '../actions.ts';
import { labels, parse } from '../bodies.ts';
import { ApiError, invalidInput, notFound } from '../errors.ts';
import { listReply, select } from '../list.ts';
import type { Rrset, Zone } from '../state.ts';
import { type ApiRequest, created, ok, type Route, route } from '../world.ts';

/** Records of the same name and type, which change together. The name is the zone's own `@`, or what stands before it. */

const types = [
  'A',
  'AAAA',
  'CAA',
  'CNAME',
  'DS',
  'HINFO',
  'HTTPS',
  'MX',
  'NS',
  'PTR',
  'RP',
  'SOA',
  'SRV',
  'SVCB',
  'TLSA',
  'TXT',
] as const;
const ttl = z.number().int().min(60).max(2_147_483_647).nullable();
const record = z
  .object({ value: z.string().min(1), comment: z.string().nullish() })
  .transform(({ value, comment }) => ({ value, ...(comment ? { comment } : {}) }));
const records = z.array(record).min(1);
const name = z
  .string()
  .regex(/^(@|(\*|[a-z0-9_-]+)(\.[a-z0-9_-]+)*)$/, 'must be lower case and relative to the zone');

export const rrset = z.object({
  name,
  type: z.enum(types),
  ttl: ttl.default(null),
  labels: labels.default({}),
  records: records,
});

type Wanted = Pick<Rrset, 'name' | 'type' | 'records'> & Partial<Rrset>;

export function newRrset(wanted: Wanted): Rrset {
  refuseWrong(wanted);
  return { ttl: null, labels: {}, protection: { change: false }, ...wanted };
}

export function rrsetRoutes(findZone: (request: ApiRequest) => Zone): Route[] {
  const show = (zone: Zone, one: Rrset) => ({ ...one, id: `${one.name}/${one.type}`, zone: zone.id });
  const path = '/zones/:id/rrsets/:name/:type';

  function find(request: ApiRequest): [Zone, Rrset] {
    const zone = findZone(request);
    const { name, type } = request.params;
    const found = zone.rrsets.find((one) => one.name === name && one.type === type);
    if (found === undefined) throw notFound('rrset', `${name}/${type}`);
    return [zone, found];
  }

  /** POST /…/actions/COMMAND: changes the records; with none left the set is gone. */
  function action(command: string, change: (found: Rrset, body: unknown, zone: Zone) => void): Route {
    return route('POST', `${path}/actions/${command}`, (request) => {
      const [zone, found] = find(request);
      if (found.protection.change && command !== 'change_protection') {
        throw new ApiError('protected', 'rrset is protected');
      }
      const changed = structuredClone(found);
      change(changed, request.body, zone);
      refuseWrong(changed);
      Object.assign(found, changed);
      if (found.records.length === 0) zone.rrsets = zone.rrsets.filter((one) => one !== found);
      const about = [{ id: zone.id, type: 'zone' }];
      return created({ action: startAction(request.world, `${command}_rrset`, about) });
    });
  }

  return [
    route('GET', '/zones/:id/rrsets', (request) => {
      const zone = findZone(request);
      const wanted = request.query.getAll('type');
      const chosen = select(zone.rrsets, request.query).filter(
        ({ type }) => wanted.length === 0 || wanted.includes(type),
      );
      return listReply(
        'rrsets',
        chosen.map((one) => show(zone, one)),
        request.query,
      );
    }),
    route('POST', '/zones/:id/rrsets', (request) => {
      const zone = findZone(request);
      const wanted = newRrset(parse(rrset, request.body));
      if (zone.rrsets.some(({ name, type }) => name === wanted.name && type === wanted.type)) {
        throw new ApiError('uniqueness_error', 'rrset already exists', { fields: [{ name: 'name' }] });
      }
      const others = zone.rrsets.filter((one) => one.name === wanted.name);
      if (others.length > 0 && [wanted, ...others].some(({ type }) => type === 'CNAME')) {
        throw new ApiError('invalid_input', 'a CNAME stands alone at its name');
      }
      zone.rrsets.push(wanted);
      const action = startAction(request.world, 'create_rrset', [{ id: zone.id, type: 'zone' }]);
      return created({ rrset: show(zone, wanted), action });
    }),
    route('GET', path, (request) => {
      const [zone, found] = find(request);
      return ok({ rrset: show(zone, found) });
    }),
    route('PUT', path, (request) => {
      const [zone, found] = find(request);
      found.labels = parse(z.object({ labels }), request.body).labels;
      return ok({ rrset: show(zone, found) });
    }),
    route('DELETE', path, (request) => {
      const [zone, found] = find(request);
      if (found.protection.change) throw new ApiError('protected', 'rrset is protected');
      zone.rrsets = zone.rrsets.filter((one) => one !== found);
      return ok({ action: startAction(request.world, 'delete_rrset', [{ id: zone.id, type: 'zone' }]) });
    }),
    action('change_ttl', (found, body) => {
      found.ttl = parse(z.object({ ttl }), body).ttl;
    }),
    action('set_records', (found, body) => {
      found.records = parse(z.object({ records }), body).records;
    }),
    action('add_records', (found, body) => {
      const wanted = parse(z.object({ records, ttl: ttl.optional() }), body);
      const known = new Set(found.records.map(({ value }) => value));
      found.records.push(...wanted.records.filter(({ value }) => !known.has(value)));
      if (wanted.ttl !== undefined) found.ttl = wanted.ttl;
    }),
    action('remove_records', (found, body) => {
      const values = parse(z.object({ records }), body).records.map(({ value }) => value);
      found.records = found.records.filter(({ value }) => !values.includes(value));
    }),
    action('update_records', (found, body) => {
      for (const { value, comment } of parse(z.object({ records }), body).records) {
        const one = found.records.find((other) => other.value === value);
        if (one === undefined) throw invalidInput('records', `no record with the value ${value}`);
        if (comment === undefined) delete one.comment;
        else one.comment = comment;
      }
    }),
    action('change_protection', (found, body) => {
      found.protection.change = parse(z.object({ change: z.boolean() }), body).change;
    }),
  ];
}

function refuseWrong({ type, records }: Wanted): void {
  const fits: Partial<Record<string, (value: string) => boolean>> = {
    A: (value) => z.ipv4().safeParse(value).success,
    AAAA: (value) => z.ipv6().safeParse(value).success,
    TXT: (value) => value.startsWith('"'),
  };
  const wrong = records.find(({ value }) => fits[type]?.(value) === false);
  if (wrong !== undefined) throw invalidInput('records', `not a value of type ${type}: ${wrong.value}`);
  if (type === 'CNAME' && records.length > 1) throw invalidInput('records', 'a CNAME has one value');
}
