import { readFile } from 'node:fs/promises';
import { RelocateError, systemCodeOf } from '../errors.ts';
import { exchangeOverTcp, randomId } from './exchange.ts';
import type { ServerAddress } from './names.ts';
import { addressesOf, askAll, delegatedServers, primaryServer } from './query.ts';
import { parseKeyFile, parseKeyText, sign, type TsigKey, verify } from './tsig.ts';
import {
  classes,
  contentOf,
  decodeMessage,
  encodeMessage,
  opcodes,
  type ResourceRecord,
  responseCode,
  types,
} from './wire.ts';
import { type DnsZone, type RecordChange, type RecordSet, recordTypes, type ZoneContext } from './zone.ts';

/**
 * Dynamic updates (RFC 2136), signed (RFC 8945), as BIND, Knot, PowerDNS and Windows take them. The server checks what
 * must hold before and makes all changes of one message in one moment.
 */
export interface Rfc2136Options {
  /** Who takes the changes; undefined: the server that the zone's SOA record names. */
  server?: string | undefined;
  /** Absolute; undefined: RELOCATE_TSIG_KEY. */
  keyFile?: string | undefined;
}

export async function openRfc2136(
  zone: string,
  options: Rfc2136Options,
  context: ZoneContext,
): Promise<DnsZone> {
  const key = await readKey(options.keyFile, context);
  const server = await serverOf(zone, options.server);
  return {
    provider: 'rfc2136',
    name: zone,
    leastTtlSeconds: 1,
    swapsTypes: true,
    byHand: false,
    list: (names) => askAll(server, names, { signal: context.signal }),
    replace: (change) => update(zone, change, { server, key, signal: context.signal }),
    nameServers: async () => {
      const delegated = await delegatedServers(zone);
      return delegated.length > 0 ? delegated : [`[${server.host}]:${server.port}`];
    },
  };
}

async function readKey(keyFile: string | undefined, { environment }: ZoneContext): Promise<TsigKey> {
  const text = environment['RELOCATE_TSIG_KEY'];
  if (keyFile === undefined && text !== undefined) return parseKeyText(text);
  if (keyFile === undefined) {
    throw new RelocateError('usage', 'There is no TSIG key to sign changes with.', {
      hint: 'Name a file with “keyFile” under dns.provider.rfc2136, or set RELOCATE_TSIG_KEY to ALGORITHM:NAME:SECRET. Nothing was changed.',
    });
  }
  try {
    return parseKeyFile(await readFile(keyFile, 'utf8'));
  } catch (cause) {
    if (cause instanceof RelocateError) throw cause;
    throw new RelocateError('usage', `The TSIG key file cannot be read: ${keyFile}`, {
      facts: { path: keyFile, reason: systemCodeOf(cause) },
      hint: 'Nothing was changed.',
      cause,
    });
  }
}

async function serverOf(zone: string, given: string | undefined): Promise<ServerAddress> {
  const server = given ?? (await primaryServer(zone));
  const [found] = server === undefined ? [] : await addressesOf([server]);
  const [address] = found?.addresses ?? [];
  if (address !== undefined) return address;
  const problem =
    server === undefined
      ? `No server is known that takes changes of ${zone}.`
      : `The name of the server ${server} leads nowhere.`;
  throw new RelocateError('dns-failed', problem, {
    facts: { zone, server },
    hint: 'Name it with “server” under dns.provider.rfc2136. Nothing was changed.',
  });
}

async function update(
  zone: string,
  change: RecordChange,
  { server, key, signal }: { server: ServerAddress; key: TsigKey; signal: AbortSignal },
): Promise<void> {
  const message = encodeMessage({
    id: randomId(),
    flags: opcodes.update << 11,
    questions: [{ name: zone, type: types.SOA, class: classes.IN }],
    answers: prerequisites(change),
    authorities: changes(change),
    additionals: [],
  });
  const { bytes, mac } = sign(message, key, new Date());
  const answer = await exchangeOverTcp(server, bytes, { signal });
  const code = responseCode(decodeMessage(answer));
  const verdict = verify(answer, key, mac);
  if (code === 'NOERROR' && verdict?.authentic === true) return;
  throw refusal(zone, change.name, server, code === 'NOERROR' ? 'UNSIGNED' : code, verdict?.code);
}

/** All records of the name are as they were. */
function prerequisites({ name, before }: RecordChange): ResourceRecord[] {
  return recordTypes.flatMap((type) => {
    const set = before.find((one) => one.type === type);
    if (set !== undefined) return records(set, classes.IN, 0);
    return [{ name, type: types[type], class: classes.NONE, ttlSeconds: 0, data: Buffer.alloc(0) }];
  });
}

/** The server takes these one after the other and shows nobody the state in between. */
function changes({ name, before, after }: RecordChange): ResourceRecord[] {
  const removed = before.map(({ type }) => ({
    name,
    type: types[type],
    class: classes.ANY,
    ttlSeconds: 0,
    data: Buffer.alloc(0),
  }));
  return [...removed, ...after.flatMap((set) => records(set, classes.IN, set.ttlSeconds))];
}

function records({ name, type, values }: RecordSet, klass: number, ttlSeconds: number): ResourceRecord[] {
  return values.map((value) => ({
    name,
    type: types[type],
    class: klass,
    ttlSeconds,
    data: contentOf(type, value),
  }));
}

const changedCodes = ['YXDOMAIN', 'YXRRSET', 'NXRRSET', 'NXDOMAIN'];

function refusal(
  zone: string,
  name: string,
  { host, port }: ServerAddress,
  code: string,
  keyCode: string | undefined,
): RelocateError {
  const facts = { zone, name, server: host, port, code, key: keyCode };
  if (changedCodes.includes(code)) {
    return new RelocateError('dns-changed', `Somebody else changed ${name} in the meantime.`, {
      facts,
      hint: 'Nothing was changed. Look at the name, then run the same command again.',
    });
  }
  if (keyCode !== undefined && keyCode !== 'NOERROR') {
    const why =
      keyCode === 'BADTIME' ? 'the clocks of this machine and of the server differ' : 'it does not know it';
    return new RelocateError('dns-failed', `The name server ${host} refuses the TSIG key: ${why}.`, {
      facts,
      hint: 'Nothing was changed. Look at the key’s name, algorithm and secret.',
    });
  }
  if (code === 'UNSIGNED') {
    return new RelocateError('dns-failed', `The answer of ${host} is not signed by the TSIG key.`, {
      facts,
      hint: 'It may have made the change or not. Run the same command again; it looks first.',
      retryable: true,
    });
  }
  if (code === 'NOTAUTH' || code === 'NOTZONE') {
    return new RelocateError('dns-zone-missing', `The name server ${host} has no zone ${zone}.`, {
      facts,
      hint: 'Nothing was changed. Look at “zone” and “server” under “dns” in relocate.yaml.',
    });
  }
  return new RelocateError('dns-failed', `The name server ${host} refuses to change ${name}: ${code}.`, {
    facts,
    hint: 'Nothing was changed. Let its policy allow the key to change A, AAAA and CNAME records of the name.',
    retryable: code === 'SERVFAIL',
  });
}
