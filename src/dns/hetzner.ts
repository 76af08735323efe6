import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import { type Api, endpointOf, openApi, statusOf, tokenOf } from './http.ts';
import {
  absoluteName,
  differences,
  isRecordType,
  plainName,
  plainValue,
  relativeName,
  sortSets,
} from './names.ts';
import { checkGap, checkUnchanged, noZone } from './refusals.ts';
import type { DnsZone, RecordChange, RecordSet, ZoneContext } from './zone.ts';

/**
 * The zones of Hetzner's Cloud API (https://docs.hetzner.cloud/reference/cloud#zones), not of the former
 * dns.hetzner.com. `set_records` overwrites all records of a name and type at once; each type is a request of its own.
 */
const zoneSchema = z.object({
  name: z.string(),
  ttl: z.number(),
  mode: z.string(),
  authoritative_nameservers: z.object({ assigned: z.array(z.string()) }),
});

const rrsetSchema = z.object({
  name: z.string(),
  type: z.string(),
  /** Null: the zone's. */
  ttl: z.number().nullable(),
  records: z.array(z.object({ value: z.string(), comment: z.string().optional() })),
});

const actionSchema = z.object({
  action: z.object({
    id: z.number(),
    status: z.enum(['running', 'success', 'error']),
    error: z.object({ code: z.string(), message: z.string() }).nullish(),
  }),
});

const pageSchema = z.object({
  meta: z.object({ pagination: z.object({ next_page: z.number().nullable() }) }).optional(),
});

interface Client {
  api: Api;
  zone: string;
  zoneTtlSeconds: number;
  signal: AbortSignal;
}

export async function openHetzner(zone: string, { environment, signal }: ZoneContext): Promise<DnsZone> {
  const api = openApi({
    provider: 'Hetzner',
    endpoint: endpointOf(environment['HCLOUD_ENDPOINT'], 'https://api.hetzner.cloud/v1'),
    token: tokenOf(environment, ['HCLOUD_TOKEN'], 'Hetzner'),
    signal,
    reasonOf: (body) =>
      z.object({ error: z.object({ message: z.string() }) }).safeParse(body).data?.error.message,
    permission: '“Read & Write” of the project that holds the zone',
  });
  const found = await findZone(api, zone);
  if (found.mode !== 'primary') {
    throw new RelocateError(
      'dns-zone-missing',
      `Hetzner only copies the zone ${zone} from elsewhere (mode ${found.mode}).`,
      {
        facts: { zone, mode: found.mode },
        hint: 'Nothing was changed. Name the provider where it is changed under “dns” in relocate.yaml.',
      },
    );
  }
  const client: Client = { api, zone, zoneTtlSeconds: found.ttl, signal };
  return {
    provider: 'hetzner',
    name: zone,
    leastTtlSeconds: 60,
    swapsTypes: false,
    byHand: false,
    list: (names) => list(client, names),
    replace: (change) => replace(client, change),
    nameServers: () => Promise.resolve(found.authoritative_nameservers.assigned.map(plainName)),
  };
}

async function findZone(api: Api, zone: string): Promise<z.output<typeof zoneSchema>> {
  try {
    const answer = await api.request('GET', `/zones/${encodeURIComponent(zone)}`);
    return z.object({ zone: zoneSchema }).parse(answer).zone;
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const { zones } = z.object({ zones: z.array(zoneSchema) }).parse(await api.request('GET', '/zones'));
    throw noZone(
      'Hetzner',
      zone,
      zones.map(({ name }) => name),
    );
  }
}

async function list({ api, zone, zoneTtlSeconds }: Client, names: readonly string[]): Promise<RecordSet[]> {
  const found: RecordSet[] = [];
  for (const name of names) {
    for (let page: number | null = 1; page !== null;) {
      const query = new URLSearchParams({
        name: relativeName(name, zone),
        page: String(page),
        per_page: '50',
      });
      const answer: unknown = await api.request(
        'GET',
        `/zones/${encodeURIComponent(zone)}/rrsets?${query.toString()}`,
      );
      const { rrsets } = z.object({ rrsets: z.array(rrsetSchema) }).parse(answer);
      found.push(...rrsets.flatMap((one) => setOf(one, zone, zoneTtlSeconds)));
      page = pageSchema.parse(answer).meta?.pagination.next_page ?? null;
    }
  }
  return sortSets(found.filter((set) => names.includes(set.name)));
}

function setOf(
  { name, type, ttl, records }: z.output<typeof rrsetSchema>,
  zone: string,
  zoneTtlSeconds: number,
): RecordSet[] {
  if (!isRecordType(type)) return [];
  const comments = records.some(({ comment }) => comment !== undefined && comment !== '');
  return [
    {
      name: absoluteName(name, zone),
      type,
      ttlSeconds: ttl ?? zoneTtlSeconds,
      values: records.map(({ value }) => plainValue(type, absoluteTarget(type, value, zone))).toSorted(),
      settings: { ttl, ...(comments ? { records } : {}) },
    },
  ];
}

/** A CNAME's target without a dot at its end is relative to the zone, as in a zone file. */
function absoluteTarget(type: string, value: string, zone: string): string {
  if (type !== 'CNAME' || value.endsWith('.')) return value;
  return absoluteName(value, zone);
}

async function replace(client: Client, change: RecordChange): Promise<void> {
  const now = await list(client, [change.name]);
  checkUnchanged(change, now);
  checkGap(change, 'Hetzner');
  const { put, remove, isSwap } = differences(now, change.after);
  if (isSwap) for (const set of remove) await removeSet(client, set);
  for (const set of put) {
    await putSet(
      client,
      set,
      now.find(({ type }) => type === set.type),
    );
  }
  if (!isSwap) for (const set of remove) await removeSet(client, set);
}

function pathOf({ zone }: Client, { name, type }: RecordSet): string {
  return `/zones/${encodeURIComponent(zone)}/rrsets/${encodeURIComponent(relativeName(name, zone))}/${type}`;
}

async function putSet(client: Client, set: RecordSet, now: RecordSet | undefined): Promise<void> {
  const { api, zone } = client;
  const records = recordsOf(set);
  const ttl = ttlOf(set, client);
  if (now === undefined) {
    const body = { name: relativeName(set.name, zone), type: set.type, ttl, records };
    await finish(client, await api.request('POST', `/zones/${encodeURIComponent(zone)}/rrsets`, body));
    return;
  }
  // The shorter time goes first: what is answered in between is soon asked for again.
  const changeTtl = async () => {
    if (set.ttlSeconds === now.ttlSeconds && ttl === now.settings?.['ttl']) return;
    await finish(client, await api.request('POST', `${pathOf(client, set)}/actions/change_ttl`, { ttl }));
  };
  if (set.ttlSeconds <= now.ttlSeconds) await changeTtl();
  await finish(client, await api.request('POST', `${pathOf(client, set)}/actions/set_records`, { records }));
  if (set.ttlSeconds > now.ttlSeconds) await changeTtl();
}

/** What was the zone's own time to live becomes that again. */
function ttlOf({ ttlSeconds, settings }: RecordSet, { zoneTtlSeconds }: Client): number | null {
  return settings?.['ttl'] === null && ttlSeconds === zoneTtlSeconds ? null : ttlSeconds;
}

const recordsSchema = z.array(z.object({ value: z.string(), comment: z.string().optional() }));

function recordsOf({ type, values, settings }: RecordSet): { value: string; comment?: string | undefined }[] {
  const comments = recordsSchema.safeParse(settings?.['records']).data ?? [];
  return values.map((value) => {
    const written = type === 'CNAME' ? `${value}.` : value;
    return comments.find((one) => plainValue(type, one.value) === value) ?? { value: written };
  });
}

async function removeSet(client: Client, set: RecordSet): Promise<void> {
  await finish(client, await client.api.request('DELETE', pathOf(client, set)));
}

const firstPollMs = 50;
const longestPollMs = 1_000;
const patienceMs = 60_000;

/** Changes are actions that take a moment; what a request answers is only that one has begun. */
async function finish({ api, signal }: Client, answer: unknown): Promise<void> {
  const deadline = Date.now() + patienceMs;
  let { action } = actionSchema.parse(answer);
  for (let pollMs = firstPollMs; action.status === 'running' && Date.now() < deadline; pollMs *= 2) {
    await sleep(Math.min(pollMs, longestPollMs), undefined, { signal });
    action = actionSchema.parse(await api.request('GET', `/actions/${action.id}`)).action;
  }
  if (action.status === 'success') return;
  const said = action.error?.message ?? 'it does not come to an end';
  throw new RelocateError('dns-failed', `Hetzner did not carry out the change: ${said}`, {
    facts: { provider: 'Hetzner', action: action.id, code: action.error?.code },
    hint: 'Run the same command again; it looks first what was changed, and goes on from there.',
    retryable: true,
  });
}
