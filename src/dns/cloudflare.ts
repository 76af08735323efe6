import { z } from 'zod';
import { type Api, endpointOf, openApi, tokenOf } from './http.ts';
import { differences, isRecordType, plainName, plainValue, sortSets } from './names.ts';
import { checkGap, checkUnchanged, noZone } from './refusals.ts';
import type { DnsZone, RecordChange, RecordSet, RecordType, ZoneContext } from './zone.ts';

/**
 * Cloudflare (https://developers.cloudflare.com/api/resources/dns/subresources/records). A batch is one transaction of
 * its database; each record reaches the name servers by itself, within seconds. A record that stays is changed in its
 * place, so that it keeps its comment, its tags and whether it is proxied.
 */
const recordSchema = z.object({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  content: z.string().default(''),
  /** 1: whatever Cloudflare thinks right, which is 300 s. */
  ttl: z.number(),
  proxied: z.boolean().optional(),
  comment: z.string().nullish(),
  tags: z.array(z.string()).optional(),
});
type StoredRecord = z.output<typeof recordSchema> & { type: RecordType };

const automaticTtl = 1;
const automaticSeconds = 300;

interface Client {
  api: Api;
  zoneId: string;
}

export async function openCloudflare(zone: string, { environment, signal }: ZoneContext): Promise<DnsZone> {
  const api = openApi({
    provider: 'Cloudflare',
    endpoint: endpointOf(environment['CLOUDFLARE_BASE_URL'], 'https://api.cloudflare.com/client/v4'),
    token: tokenOf(environment, ['CLOUDFLARE_API_TOKEN'], 'Cloudflare'),
    signal,
    reasonOf: (body) =>
      z
        .object({ errors: z.array(z.object({ message: z.string() })).min(1) })
        .safeParse(body)
        .data?.errors.map(({ message }) => message)
        .join('; '),
    permission: '“DNS Write” for the zone',
  });
  const schema = z.object({
    result: z.array(
      z.object({ id: z.string(), name: z.string(), name_servers: z.array(z.string()).nullish() }),
    ),
  });
  const { result } = schema.parse(
    await api.request('GET', `/zones?${new URLSearchParams({ name: zone }).toString()}`),
  );
  const found = result.find(({ name }) => name === zone);
  if (found === undefined) {
    const all = schema.parse(await api.request('GET', '/zones?per_page=50')).result;
    throw noZone(
      'Cloudflare',
      zone,
      all.map(({ name }) => name),
    );
  }
  const client: Client = { api, zoneId: found.id };
  return {
    provider: 'cloudflare',
    name: zone,
    leastTtlSeconds: 60,
    swapsTypes: false,
    byHand: false,
    list: async (names) => setsOf(await recordsOf(client, names)),
    replace: (change) => replace(client, change),
    nameServers: () => Promise.resolve((found.name_servers ?? []).map(plainName)),
  };
}

async function recordsOf({ api, zoneId }: Client, names: readonly string[]): Promise<StoredRecord[]> {
  const schema = z.object({
    result: z.array(recordSchema),
    result_info: z.object({ total_pages: z.number() }).nullish(),
  });
  const found: StoredRecord[] = [];
  for (const name of names) {
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const query = new URLSearchParams({ 'name.exact': name, page: String(page), per_page: '100' });
      const answer = schema.parse(
        await api.request('GET', `/zones/${zoneId}/dns_records?${query.toString()}`),
      );
      pages = answer.result_info?.total_pages ?? 1;
      found.push(
        ...answer.result.flatMap((one) => {
          const { type } = one;
          return isRecordType(type) && plainName(one.name) === name ? [{ ...one, name, type }] : [];
        }),
      );
    }
  }
  return found;
}

function setsOf(records: readonly StoredRecord[]): RecordSet[] {
  const groups = Map.groupBy(records, ({ name, type }) => `${name} ${type}`);
  const sets = [...groups.values()].flatMap((group): RecordSet[] => {
    const [first] = group;
    if (first === undefined) return [];
    const { name, type, ttl } = first;
    const isProxied = group.some(({ proxied }) => proxied === true);
    const kept = group.map(({ content, ttl, proxied, comment, tags }) => ({
      content: plainValue(type, content),
      ttl,
      proxied,
      comment,
      tags,
    }));
    return [
      {
        name,
        type,
        ttlSeconds: ttl === automaticTtl ? automaticSeconds : ttl,
        values: group.map(({ content }) => plainValue(type, content)).toSorted(),
        settings: { records: kept.toSorted((a, b) => (a.content < b.content ? -1 : 1)) },
        // The servers answer with Cloudflare's own addresses.
        ...(isProxied ? { hidden: true as const } : {}),
      },
    ];
  });
  return sortSets(sets);
}

interface Draft {
  content: string;
  ttl: number;
  proxied?: boolean | undefined;
  comment?: string | null | undefined;
  tags?: string[] | undefined;
}

const keptSchema = z.array(recordSchema.omit({ id: true, name: true, type: true }));

async function replace(client: Client, change: RecordChange): Promise<void> {
  const records = await recordsOf(client, [change.name]);
  checkUnchanged(change, setsOf(records));
  checkGap(change, 'Cloudflare');
  const { put, remove } = differences(change.before, change.after);
  const batch: {
    deletes: { id: string }[];
    patches: (Draft & { id: string })[];
    posts: (Draft & { name: string; type: RecordType })[];
  } = { deletes: [], patches: [], posts: [] };
  for (const set of remove) batch.deletes.push(...idsOf(records, set));
  for (const set of put) {
    const stored = records.filter(({ type }) => type === set.type);
    const drafts = draftsOf(set, stored);
    drafts.forEach((draft, index) => {
      const there = stored[index];
      if (there === undefined) batch.posts.push({ ...draft, name: set.name, type: set.type });
      else batch.patches.push({ ...draft, id: there.id });
    });
    batch.deletes.push(...stored.slice(drafts.length).map(({ id }) => ({ id })));
  }
  const parts = Object.entries(batch).filter(([, part]) => part.length > 0);
  if (parts.length === 0) return;
  await client.api.request('POST', `/zones/${client.zoneId}/dns_records/batch`, Object.fromEntries(parts));
}

function idsOf(records: readonly StoredRecord[], set: RecordSet): { id: string }[] {
  return records.filter(({ type }) => type === set.type).map(({ id }) => ({ id }));
}

/** What was remembered of a set comes back as it was; a set that is new is proxied where the one before it was. */
function draftsOf(set: RecordSet, stored: readonly StoredRecord[]): Draft[] {
  const kept = keptSchema.safeParse(set.settings?.['records']).data;
  const wasProxied = stored.some(({ proxied }) => proxied === true);
  return set.values.map((value) => {
    const known = kept?.find(({ content }) => content === value);
    const isKnownTtl = known?.ttl === automaticTtl && set.ttlSeconds === automaticSeconds;
    // The time to live of a proxied record is Cloudflare's own.
    const proxied = known?.proxied ?? wasProxied;
    const ttl = proxied || isKnownTtl ? automaticTtl : set.ttlSeconds;
    return { content: value, ttl, proxied, ...(known ? { comment: known.comment, tags: known.tags } : {}) };
  });
}
