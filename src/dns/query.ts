import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { RelocateError } from '../errors.ts';
import { exchange, randomId } from './exchange.ts';
import { parseServer, plainName, type ServerAddress, sortSets } from './names.ts';
import { bits, classes, encodeMessage, opcodes, responseCode, types, valueOf } from './wire.ts';
import { type RecordSet, type RecordType, recordTypes } from './zone.ts';

/** What a zone's own server says of one name and type. */
export interface Answer {
  /** `NOERROR`, `NXDOMAIN`, … */
  code: string;
  authoritative: boolean;
  /** Of the name itself, without what a CNAME leads to; undefined for no record. */
  set: RecordSet | undefined;
}

interface AskOptions {
  signal: AbortSignal;
  timeoutsMs?: readonly number[];
}

/** Asks a server itself, and wants no other to be asked. Throws `dns-failed` where it does not answer. */
export async function ask(
  server: ServerAddress,
  name: string,
  type: RecordType,
  options: AskOptions,
): Promise<Answer> {
  const question = encodeMessage({
    id: randomId(),
    flags: opcodes.query << 11,
    questions: [{ name, type: types[type], class: classes.IN }],
    answers: [],
    authorities: [],
    additionals: [],
  });
  const message = await exchange(server, question, options);
  const records = message.answers.filter((one) => one.name === name && one.type === types[type]);
  const [first] = records;
  return {
    code: responseCode(message),
    authoritative: (message.flags & bits.authoritative) !== 0,
    set: first && {
      name,
      type,
      ttlSeconds: first.ttlSeconds,
      values: records.flatMap((one) => valueOf(one) ?? []).toSorted(),
    },
  };
}

/** All that a server has of the names. Throws `dns-zone-missing` where it is not in charge of the zone. */
export async function askAll(
  server: ServerAddress,
  names: readonly string[],
  options: AskOptions,
): Promise<RecordSet[]> {
  const questions = names.flatMap((name) => recordTypes.map((type) => ({ name, type })));
  const answers = await Promise.all(questions.map(({ name, type }) => ask(server, name, type, options)));
  const wrong = answers.find(
    ({ code, authoritative }) => !authoritative || (code !== 'NOERROR' && code !== 'NXDOMAIN'),
  );
  if (wrong !== undefined) throw notInCharge(server, names[0] ?? '', wrong);
  return sortSets(answers.flatMap(({ set }) => set ?? []));
}

function notInCharge({ host, port }: ServerAddress, name: string, { code }: Answer): RelocateError {
  const why = code === 'NOERROR' || code === 'NXDOMAIN' ? 'it says so itself' : `it answers ${code}`;
  return new RelocateError(
    'dns-zone-missing',
    `The name server ${host}, port ${port}, is not in charge of ${name}: ${why}.`,
    {
      facts: { server: host, port, name, code },
      hint: 'Nothing was changed. Look at “zone” and “provider” under “dns” in relocate.yaml.',
    },
  );
}

/** Addresses of name servers, each host with all it has. An empty list: its name leads nowhere from here. */
export async function addressesOf(
  servers: readonly string[],
): Promise<{ server: string; addresses: ServerAddress[] }[]> {
  return Promise.all(
    servers.map(async (server) => {
      const { host, port } = parseServer(server);
      const found = isIP(host) === 0 ? await lookUp(host) : [host];
      return { server, addresses: found.map((address) => ({ host: address, port })) };
    }),
  );
}

const resolver = () => new Resolver({ timeout: 3_000, tries: 2 });

async function lookUp(host: string): Promise<string[]> {
  const both = await Promise.all([
    resolver()
      .resolve4(host)
      .catch(() => []),
    resolver()
      .resolve6(host)
      .catch(() => []),
  ]);
  return both.flat();
}

/** The servers that a zone is delegated to, as this machine's resolver knows them. Empty where it knows none. */
export async function delegatedServers(zone: string): Promise<string[]> {
  const names = await resolver()
    .resolveNs(zone)
    .catch(() => []);
  return names.map(plainName).toSorted();
}

/** The server that takes changes, by the zone's SOA record. */
export async function primaryServer(zone: string): Promise<string | undefined> {
  const soa = await resolver()
    .resolveSoa(zone)
    .catch(() => undefined);
  return soa && plainName(soa.nsname);
}
