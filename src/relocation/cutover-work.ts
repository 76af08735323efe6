import { setTimeout as sleep } from 'node:timers/promises';
import type { Dns } from '../app/app.ts';
import { describeSets, sameSets } from '../dns/names.ts';
import { delegatedServers } from '../dns/query.ts';
import type { DnsZone, RecordSet } from '../dns/zone.ts';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { foreign, isOpen, isOurs, setsOf } from './cutover-plan.ts';
import { type Cutover, lastCutover, type MovedName, readCutovers, writeCutovers } from './cutover-record.ts';
import { type ServerOutcome, untilServed } from './cutover-servers.ts';
import type { CheckOutcome, Outcome } from './types.ts';
import { overall } from './verify.ts';

/** What the commands on an app's names have in common. */

export interface CutoverTools {
  emit: Emit;
  signal: AbortSignal;
}

export interface CutoverSettings {
  stateFolder: string;
  app: string;
  openZone: (dns: Dns, say: (message: string) => void, signal: AbortSignal) => Promise<DnsZone>;
  /** Records that somebody else changed are overwritten; a target whose checks fail is taken. */
  force: boolean;
  allowGap: boolean;
  /** Whether to stay until caches have run out. */
  wait: boolean;
  dryRun: boolean;
}

export type CutoverAction = 'prepare' | 'cutover' | 'rollback' | 'settle';

/** All that is to be said of one command. Serialisable. */
export interface CutoverReport {
  cutoverVersion: 1;
  action: CutoverAction;
  app: string;
  zone: string;
  provider: string;
  target: string | undefined;
  deployment: string | undefined;
  dryRun: boolean;
  startedAt: string;
  finishedAt: string;
  /** `unverified` also where caches were not waited for. */
  outcome: Outcome;
  names: { name: string; before: RecordSet[]; after: RecordSet[]; changed: boolean }[];
  servers: ServerOutcome[];
  checks: CheckOutcome[];
  /** Until then caches may give the answers from before. */
  cachesUntil: string | undefined;
  next: string | undefined;
}

/** An app's cutovers, each change of them on disk before the work goes on. */
export class CutoverBook {
  readonly #settings: CutoverSettings;
  readonly #cutovers: Cutover[];

  private constructor(settings: CutoverSettings, cutovers: Cutover[]) {
    this.#settings = settings;
    this.#cutovers = cutovers;
  }

  static async open(settings: CutoverSettings): Promise<CutoverBook> {
    return new CutoverBook(settings, await readCutovers(settings.stateFolder, settings.app));
  }

  /** The newest that was not taken back. */
  get last(): Cutover | undefined {
    return lastCutover(this.#cutovers);
  }

  /** Takes the place of one that stopped half-way and whose names it has, with what they had before; else comes after it. */
  async begin(cutover: Cutover): Promise<Cutover> {
    const { last } = this;
    const isHeir =
      last !== undefined &&
      isOpen(last) &&
      last.names.every(({ name }) => cutover.names.some((one) => one.name === name));
    if (isHeir) this.#cutovers[this.#cutovers.indexOf(last)] = cutover;
    else this.#cutovers.push(cutover);
    await this.#write();
    return cutover;
  }

  /** The cutover as it is from now on. */
  async change(cutover: Cutover, change: Partial<Cutover>): Promise<Cutover> {
    const changed = { ...cutover, ...change };
    this.#cutovers[this.#cutovers.findIndex((one) => one.startedAt === cutover.startedAt)] = changed;
    await this.#write();
    return changed;
  }

  async #write(): Promise<void> {
    const { stateFolder, app, dryRun } = this.#settings;
    if (!dryRun) await writeCutovers(stateFolder, app, this.#cutovers);
  }
}

export function say({ emit }: CutoverTools): (message: string) => void {
  return (message) => emit({ type: 'note', message });
}

/** A phase around some work, for the progress that a person sees. */
export async function inPhase<T>(
  { emit }: CutoverTools,
  phase: string,
  title: string,
  work: () => Promise<T>,
): Promise<T> {
  emit({ type: 'phase-start', phase, title });
  const startedAt = performance.now();
  let outcome: 'done' | 'failed' = 'failed';
  try {
    const result = await work();
    outcome = 'done';
    return result;
  } finally {
    emit({ type: 'phase-end', phase, durationMs: Math.round(performance.now() - startedAt), outcome });
  }
}

/** Throws `dns-changed` where a name has what neither we nor anybody we know of put there. */
export function checkOurs(now: readonly RecordSet[], names: readonly MovedName[], force: boolean): void {
  for (const moved of names) {
    const has = setsOf(now, moved.name);
    if (!force && !isOurs(has, moved)) throw foreign(moved.name, has, moved);
  }
}

/** Brings the names to what they are to have, one after the other; those that have it already are left alone. */
export async function moveNames(
  zone: DnsZone,
  wanted: readonly { name: string; sets: readonly RecordSet[] }[],
  { allowGap, moved, force }: { allowGap: boolean; moved: readonly MovedName[]; force: boolean },
  { emit, signal }: CutoverTools,
): Promise<void> {
  for (const [index, { name, sets }] of wanted.entries()) {
    signal.throwIfAborted();
    const before = await zone.list([name]);
    checkOurs(
      before,
      moved.filter((one) => one.name === name),
      force,
    );
    if (!isThere(before, sets)) await zone.replace({ name, before, after: sets, allowGap });
    emit({ type: 'detail', message: `${name}: ${describeSets(before)} → ${describeSets(sets)}` });
    emit({ type: 'progress', phase: 'names', doneItems: index + 1, totalItems: wanted.length });
  }
}

export function isThere(now: readonly RecordSet[], wanted: readonly RecordSet[]): boolean {
  return sameSets(comparable(now, wanted), comparable(wanted, now));
}

/** The time to live of answers that the provider makes itself is its own. */
function comparable(sets: readonly RecordSet[], others: readonly RecordSet[]): RecordSet[] {
  return sets.map((set) => {
    const twin = others.find((one) => one.type === set.type);
    const isHidden = set.hidden === true || twin?.hidden === true;
    return isHidden && set.values.length > 0 ? { ...set, ttlSeconds: 0, hidden: true as const } : set;
  });
}

export const defaultPatienceMs = 180_000;
const byHandPatienceMs = 24 * 3_600_000;

/** Throws `not-verified` where a server gives other answers until the end. */
export async function confirmServed(
  zone: DnsZone,
  dns: Dns,
  names: readonly { name: string; sets: readonly RecordSet[] }[],
  tools: CutoverTools,
  patienceMs: number = zone.byHand ? byHandPatienceMs : defaultPatienceMs,
): Promise<ServerOutcome[]> {
  const servers = dns.servers ?? (await zone.nameServers());
  if (servers.length === 0) {
    throw new RelocateError('not-verified', `No name server of ${dns.zone} is known to check at.`, {
      facts: { zone: dns.zone },
      hint: 'Name them with “servers” under “dns” in relocate.yaml, then run the same command again; it goes on from here.',
    });
  }
  // What the provider answers itself (aliases, proxied names) is told by the provider alone.
  const known = await zone.list(names.map(({ name }) => name));
  const wanted = names.flatMap(({ sets }) =>
    sets.map((set): RecordSet => {
      const isHidden = known.some((one) => one.name === set.name && one.type === set.type && one.hidden);
      return isHidden ? { ...set, hidden: true } : set;
    }),
  );
  const outcomes = await inPhase(tools, 'servers', 'asking the zone’s own servers', () =>
    untilServed(
      servers,
      wanted,
      names.map(({ name }) => name),
      // A person may write another time to live than was said.
      { patienceMs, ttls: !zone.byHand, ...tools },
    ),
  );
  const wrong = outcomes.find(({ outcome }) => outcome === 'failed');
  if (wrong === undefined) {
    for (const { server, detail } of outcomes.filter(({ outcome }) => outcome === 'unverified'))
      tools.emit({ type: 'warning', code: 'server-silent', message: `${server}: ${detail}` });
    return outcomes;
  }
  throw new RelocateError('not-verified', `The name server ${wrong.server} ${wrong.detail}.`, {
    facts: { server: wrong.server, provider: zone.provider },
    hint: 'The change was accepted, but is not served everywhere yet. Run the same command again to go on waiting, or go back with: relocate cutover --rollback',
    retryable: true,
  });
}

/** Says where the names are delegated to, when that is elsewhere: changes at the provider would then do nothing. */
export async function warnOfDelegation(zone: DnsZone, dns: Dns, { emit }: CutoverTools): Promise<void> {
  if (dns.servers !== undefined) return;
  const [delegated, own] = await Promise.all([delegatedServers(dns.zone), zone.nameServers()]);
  if (delegated.length === 0 || delegated.some((server) => own.includes(server))) return;
  emit({
    type: 'warning',
    code: 'delegated-elsewhere',
    message: `${dns.zone} is served by ${delegated.join(', ')}, not by ${own.join(', ')}: a change there is seen by nobody.`,
  });
}

const tickMs = 1_000;

/** Until no cache can have the old answers. */
export async function waitForCaches(until: Date, tools: CutoverTools): Promise<void> {
  const totalMs = until.getTime() - Date.now();
  if (totalMs <= 0) return;
  const title = `waiting for caches, until ${until.toISOString().replace(/\.\d+Z$/, 'Z')}`;
  await inPhase(tools, 'caches', title, async () => {
    const total = Math.ceil(totalMs / 1000);
    for (;;) {
      const leftMs = until.getTime() - Date.now();
      if (leftMs <= 0) return;
      // In seconds.
      const doneItems = Math.max(0, total - Math.ceil(leftMs / 1000));
      tools.emit({ type: 'progress', phase: 'caches', doneItems, totalItems: total });
      await sleep(Math.min(leftMs, tickMs), undefined, { signal: tools.signal });
    }
  });
}

export function outcomeOf(
  servers: readonly ServerOutcome[],
  checks: readonly CheckOutcome[],
  hasWaited: boolean,
): Outcome {
  const all = [...servers, ...checks].map(({ outcome }) => outcome);
  const sum = all.length === 0 ? 'passed' : overall(all);
  return sum === 'passed' && !hasWaited ? 'unverified' : sum;
}
