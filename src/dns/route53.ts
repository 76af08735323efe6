import type * as Sdk from '@aws-sdk/client-route-53';
import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import { differences, isRecordType, plainName, plainValue, sortSets } from './names.ts';
import { noZone } from './refusals.ts';
import type { DnsZone, RecordChange, RecordSet, ZoneContext } from './zone.ts';

/**
 * AWS Route 53. One batch is carried out as a whole or not at all, and deleting a set of records needs all that it
 * holds, so that a change by somebody else is noticed. Credentials, region and endpoint (AWS_ENDPOINT_URL_ROUTE_53) are
 * found as AWS's own tools find them.
 */
interface Client {
  aws: Sdk.Route53Client;
  sdk: typeof Sdk;
  zone: string;
  zoneId: string;
  signal: AbortSignal;
}

export async function openRoute53(
  zone: string,
  { zoneId: given }: { zoneId?: string | undefined },
  { environment, signal }: ZoneContext,
): Promise<DnsZone> {
  const sdk = await import('@aws-sdk/client-route-53');
  // Route 53 has no regions of its own, and no need for one to be set.
  const region = environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'] ?? 'us-east-1';
  const aws = new sdk.Route53Client({ region, maxAttempts: 6 });
  const zoneId = given ?? (await findZone(aws, sdk, zone, signal));
  const client: Client = { aws, sdk, zone, zoneId, signal };
  return {
    provider: 'route53',
    name: zone,
    leastTtlSeconds: 1,
    swapsTypes: true,
    byHand: false,
    list: (names) => list(client, names),
    replace: (change) => replace(client, change),
    nameServers: async () => {
      const command = new sdk.GetHostedZoneCommand({ Id: zoneId });
      const { DelegationSet } = await aws.send(command, { abortSignal: signal }).catch(explain(zone, signal));
      return (DelegationSet?.NameServers ?? []).map(plainName);
    },
  };
}

async function findZone(
  aws: Sdk.Route53Client,
  { ListHostedZonesByNameCommand }: Client['sdk'],
  zone: string,
  signal: AbortSignal,
): Promise<string> {
  const command = new ListHostedZonesByNameCommand({ DNSName: zone });
  const { HostedZones = [] } = await aws.send(command, { abortSignal: signal }).catch(explain(zone, signal));
  const found = HostedZones.filter(
    ({ Name = '', Config }) => plainName(Name) === zone && Config?.PrivateZone !== true,
  );
  const [first, second] = found;
  if (first?.Id === undefined) throw noZone('Route 53', zone);
  if (second === undefined) return first.Id.replace('/hostedzone/', '');
  throw new RelocateError('dns-zone-missing', `Route 53 has ${found.length} zones ${zone}.`, {
    facts: { zone, zones: found.length },
    hint: 'Nothing was changed. Say which with “zoneId” under dns.provider.route53 in relocate.yaml.',
  });
}

async function list(client: Client, names: readonly string[]): Promise<RecordSet[]> {
  const found: RecordSet[] = [];
  for (const name of names) found.push(...(await listOne(client, name)).map((one) => setOf(one, name)));
  return sortSets(found);
}

/** Sets come in the order of their names, so that those of one name are together. */
async function listOne(
  { aws, sdk, zone, zoneId, signal }: Client,
  name: string,
): Promise<Sdk.ResourceRecordSet[]> {
  const found: Sdk.ResourceRecordSet[] = [];
  let from: { StartRecordName: string; StartRecordType?: Sdk.ResourceRecordSet['Type'] } = {
    StartRecordName: name,
  };
  for (;;) {
    const command = new sdk.ListResourceRecordSetsCommand({ HostedZoneId: zoneId, ...from });
    const page = await aws.send(command, { abortSignal: signal }).catch(explain(zone, signal));
    const sets = page.ResourceRecordSets ?? [];
    found.push(...sets.filter(({ Name = '' }) => plainName(Name) === name));
    const { NextRecordName, NextRecordType, IsTruncated } = page;
    if (IsTruncated !== true || NextRecordName === undefined || plainName(NextRecordName) !== name) break;
    from = { StartRecordName: NextRecordName, StartRecordType: NextRecordType };
  }
  const ours = found.filter(({ Type = '' }) => isRecordType(Type));
  if (ours.some(({ SetIdentifier }) => SetIdentifier !== undefined)) throw hasPolicy(name);
  return ours;
}

function hasPolicy(name: string): RelocateError {
  return new RelocateError(
    'dns-failed',
    `${name} has several answers by a routing policy, which relocate does not change.`,
    { facts: { name }, hint: 'Nothing was changed. Change it by hand, or leave it out of “names”.' },
  );
}

function setOf(
  { Type = 'A', TTL, ResourceRecords, AliasTarget }: Sdk.ResourceRecordSet,
  name: string,
): RecordSet {
  const type = isRecordType(Type) ? Type : 'A';
  const values = (ResourceRecords ?? []).flatMap(({ Value }) => Value ?? []);
  return {
    name,
    type,
    // An alias has none of its own; that of the targets which AWS has is 60.
    ttlSeconds: TTL ?? 60,
    values: values.map((value) => plainValue(type, value)).toSorted(),
    ...(AliasTarget === undefined ? {} : { settings: { AliasTarget }, hidden: true as const }),
  };
}

const aliasSchema = z.object({
  AliasTarget: z.object({
    HostedZoneId: z.string(),
    DNSName: z.string(),
    EvaluateTargetHealth: z.boolean(),
  }),
});

function awsSet({ name, type, ttlSeconds, values, settings }: RecordSet): Sdk.ResourceRecordSet {
  const alias = aliasSchema.safeParse(settings).data;
  if (alias !== undefined) return { Name: name, Type: type, ...alias };
  return {
    Name: name,
    Type: type,
    TTL: ttlSeconds,
    ResourceRecords: values.map((value) => ({ Value: type === 'CNAME' ? `${value}.` : value })),
  };
}

async function replace(client: Client, { name, before, after }: RecordChange): Promise<void> {
  const { zone, signal } = client;
  const { put, remove } = differences(before, after);
  const replaced = before.filter(({ type }) => put.some((set) => set.type === type));
  const leaving = await asStored(client, name, [...remove, ...replaced]);
  const created = put.map((set) => ({ Action: 'CREATE' as const, ResourceRecordSet: awsSet(set) }));
  const deleted = leaving.map((set) => ({ Action: 'DELETE' as const, ResourceRecordSet: set }));
  try {
    await send(client, [...deleted, ...created]);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'InvalidChangeBatch')) explain(zone, signal)(error);
    // Deleting wants what is there, to the letter. Where that is so, the server minds creating in the same batch.
    await asStored(client, name, [...remove, ...replaced]);
    const kept = deleted.filter(({ ResourceRecordSet: { Type } }) =>
      remove.some(({ type }) => type === Type),
    );
    const put = created.map((change) => ({ ...change, Action: 'UPSERT' as const }));
    await send(client, [...kept, ...put]).catch(explain(zone, signal));
  }
}

/** The sets as Route 53 has them. Throws `dns-changed` where they are not as they were. */
async function asStored(
  client: Client,
  name: string,
  sets: readonly RecordSet[],
): Promise<Sdk.ResourceRecordSet[]> {
  const stored = await listOne(client, name);
  return sets.map((set) => {
    const found = stored.find(({ Type }) => Type === set.type);
    if (found === undefined || JSON.stringify(setOf(found, name)) !== JSON.stringify(set))
      throw changed(name);
    return found;
  });
}

async function send({ aws, sdk, zoneId, signal }: Client, changes: Sdk.Change[]): Promise<void> {
  if (changes.length === 0) return;
  const command = new sdk.ChangeResourceRecordSetsCommand({
    HostedZoneId: zoneId,
    ChangeBatch: { Changes: changes, Comment: 'relocate cutover' },
  });
  await aws.send(command, { abortSignal: signal });
}

function changed(name: string): RelocateError {
  return new RelocateError('dns-changed', `Route 53 has something else for ${name} than a moment ago.`, {
    facts: { name },
    hint: 'Nothing was changed. Look at the name, then run the same command again.',
  });
}

/** AWS's own name for what is wrong, and what it says of it; neither holds credentials. */
function explain(zone: string, signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    signal.throwIfAborted();
    const name = error instanceof Error ? error.name : 'unknown';
    if (name === 'NoSuchHostedZone') throw noZone('Route 53', zone);
    const denied = /Denied|Credentials|Token|Signature|Unrecognized/.test(name);
    throw new RelocateError('dns-failed', `Route 53 refuses: ${name}.`, {
      facts: { zone, reason: name },
      hint: denied
        ? 'Nothing was changed. The credentials need route53:ListHostedZonesByName, GetHostedZone, ListResourceRecordSets and ChangeResourceRecordSets.'
        : 'Run the same command again; it looks first what was changed, and goes on from there.',
      retryable: !denied,
      cause: error,
    });
  };
}
