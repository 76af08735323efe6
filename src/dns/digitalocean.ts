import { z } from 'zod';
import { type Api, endpointOf, openApi, statusOf, tokenOf } from './http.ts';
import {
  absoluteName,
  differences,
  isRecordType,
  plainName,
  plainValue,
  relativeName,
  groupIntoSets,
} from './names.ts';
import { checkGap, checkUnchanged, noZone } from './refusals.ts';
import type { DnsZone, RecordChange, RecordSet, RecordType, ZoneContext } from './zone.ts';

/**
 * DigitalOcean (https://docs.digitalocean.com/reference/api/digitalocean/#tag/Domain-Records). Each record is changed by
 * itself, in its place; records that are too many go last.
 */
const recordSchema = z.object({
  id: z.number(),
  type: z.string(),
  name: z.string(),
  data: z.string(),
  ttl: z.number(),
});

interface StoredRecord {
  id: number;
  type: RecordType;
  /** Whole. */
  name: string;
  value: string;
  ttlSeconds: number;
}

interface Client {
  api: Api;
  zone: string;
}

export async function openDigitalOcean(zone: string, { environment, signal }: ZoneContext): Promise<DnsZone> {
  const api = openApi({
    provider: 'DigitalOcean',
    endpoint: endpointOf(environment['DIGITALOCEAN_API_URL'], 'https://api.digitalocean.com'),
    token: tokenOf(environment, ['DIGITALOCEAN_TOKEN', 'DIGITALOCEAN_ACCESS_TOKEN'], 'DigitalOcean'),
    signal,
    reasonOf: (body) => z.object({ message: z.string() }).safeParse(body).data?.message,
    permission: '“domain” (read, create, update, delete)',
  });
  const client: Client = { api, zone };
  try {
    await api.request('GET', `/v2/domains/${encodeURIComponent(zone)}`);
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const { domains } = z
      .object({ domains: z.array(z.object({ name: z.string() })) })
      .parse(await api.request('GET', '/v2/domains?per_page=200'));
    throw noZone(
      'DigitalOcean',
      zone,
      domains.map(({ name }) => name),
    );
  }
  return {
    provider: 'digitalocean',
    name: zone,
    leastTtlSeconds: 30,
    swapsTypes: false,
    byHand: false,
    list: async (names) => groupIntoSets((await all(client)).filter(({ name }) => names.includes(name))),
    replace: (change) => replace(client, change),
    nameServers: async () => {
      const records = await allRaw(client);
      return records
        .filter(({ type, name }) => type === 'NS' && absoluteName(name, zone) === zone)
        .map(({ data }) => plainName(data))
        .toSorted();
    },
  };
}

/** Every record of the zone: what its filter takes for a name is told in two ways, so names are compared here. */
async function allRaw({ api, zone }: Client): Promise<z.output<typeof recordSchema>[]> {
  const schema = z.object({
    domain_records: z.array(recordSchema),
    links: z.object({ pages: z.object({ next: z.string().optional() }).optional() }).optional(),
  });
  const found: z.output<typeof recordSchema>[] = [];
  for (let page = 1; ; page += 1) {
    const path = `/v2/domains/${encodeURIComponent(zone)}/records?per_page=200&page=${page}`;
    const { domain_records: records, links } = schema.parse(await api.request('GET', path));
    found.push(...records);
    if (records.length === 0 || links?.pages?.next === undefined) return found;
  }
}

async function all(client: Client): Promise<StoredRecord[]> {
  const { zone } = client;
  return (await allRaw(client)).flatMap(({ id, type, name, data, ttl }) => {
    if (!isRecordType(type)) return [];
    const value = type === 'CNAME' && data === '@' ? zone : plainValue(type, data);
    return [{ id, type, name: absoluteName(name, zone), value, ttlSeconds: ttl }];
  });
}

async function replace(client: Client, change: RecordChange): Promise<void> {
  const records = (await all(client)).filter(({ name }) => name === change.name);
  checkUnchanged(change, groupIntoSets(records));
  checkGap(change, 'DigitalOcean');
  const { put, remove, isSwap } = differences(change.before, change.after);
  const leaving = records.filter(({ type }) => remove.some((set) => set.type === type));
  if (isSwap) await removeAll(client, leaving);
  for (const set of put) {
    await putSet(
      client,
      set,
      records.filter(({ type }) => type === set.type),
    );
  }
  if (!isSwap) await removeAll(client, leaving);
}

async function putSet({ api, zone }: Client, set: RecordSet, stored: readonly StoredRecord[]): Promise<void> {
  const base = `/v2/domains/${encodeURIComponent(zone)}/records`;
  for (const [index, value] of set.values.entries()) {
    const body = {
      type: set.type,
      name: relativeName(set.name, zone),
      data: set.type === 'CNAME' ? `${value}.` : value,
      ttl: set.ttlSeconds,
    };
    const there = stored[index];
    if (there === undefined) await api.request('POST', base, body);
    else await api.request('PUT', `${base}/${there.id}`, body);
  }
  await removeAll({ api, zone }, stored.slice(set.values.length));
}

async function removeAll({ api, zone }: Client, records: readonly StoredRecord[]): Promise<void> {
  for (const { id } of records)
    await api.request('DELETE', `/v2/domains/${encodeURIComponent(zone)}/records/${id}`);
}
