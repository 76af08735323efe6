import { setTimeout as sleep } from 'node:timers/promises';
import { describeSets, type ServerAddress } from '../dns/names.ts';
import { addressesOf, askAll } from '../dns/query.ts';
import type { RecordSet } from '../dns/zone.ts';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Outcome } from './types.ts';

/** What one of the zone's own servers said at last. */
export interface ServerOutcome {
  server: string;
  /** `failed`: it gives other answers. `unverified`: it does not answer from here. */
  outcome: Outcome;
  detail: string;
}

const retryMs = 500;

/**
 * Asks each of the zone's own servers, directly, until all give the wanted answers or the patience is over. Never throws
 * but for an abort. Of several addresses of one server, one that answers is enough.
 */
export async function untilServed(
  servers: readonly string[],
  wanted: readonly RecordSet[],
  names: readonly string[],
  options: { patienceMs: number; emit: Emit; signal: AbortSignal; ttls: boolean },
): Promise<ServerOutcome[]> {
  const { patienceMs, emit, signal } = options;
  const deadline = Date.now() + patienceMs;
  const hidden = new Set(wanted.filter((set) => set.hidden === true).map(({ name }) => name));
  const asked = names.filter((name) => !hidden.has(name));
  if (asked.length === 0) return [];
  const known = await addressesOf(servers);
  for (;;) {
    const outcomes = await Promise.all(
      known.map(async ({ server, addresses }) => ({
        server,
        ...(await verdictOf(addresses, wanted, asked, options)),
      })),
    );
    const open = outcomes.filter(({ outcome }) => outcome !== 'passed');
    emit({
      type: 'progress',
      phase: 'servers',
      doneItems: outcomes.length - open.length,
      totalItems: outcomes.length,
    });
    // One that cannot be reached is not waited for when another one answers.
    const isOver = open.every(({ outcome }) => outcome === 'unverified') && open.length < outcomes.length;
    if (isOver || Date.now() + retryMs >= deadline) return outcomes;
    await sleep(retryMs, undefined, { signal });
  }
}

async function verdictOf(
  addresses: readonly ServerAddress[],
  wanted: readonly RecordSet[],
  names: readonly string[],
  { signal, ttls }: { signal: AbortSignal; ttls: boolean },
): Promise<Omit<ServerOutcome, 'server'>> {
  if (addresses.length === 0) return { outcome: 'unverified', detail: 'its name leads nowhere from here' };
  let failure = 'no answer';
  for (const address of addresses) {
    try {
      const now = await askAll(address, names, { signal, timeoutsMs: [700, 1_500] });
      const wrong = names.find((name) => !isWanted(now, wanted, name, ttls));
      if (wrong === undefined) return { outcome: 'passed', detail: 'gives the wanted answers' };
      const said = describeSets(now.filter(({ name }) => name === wrong));
      return { outcome: 'failed', detail: `says of ${wrong}: ${said}` };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RelocateError)) throw error;
      if (error.code === 'dns-zone-missing') return { outcome: 'failed', detail: error.message };
      failure = error.message;
    }
  }
  return { outcome: 'unverified', detail: failure };
}

function isWanted(
  now: readonly RecordSet[],
  wanted: readonly RecordSet[],
  name: string,
  ttls: boolean,
): boolean {
  const [a, b] = [now, wanted].map((sets) => sets.filter((set) => set.name === name));
  const texts = [a, b].map((sets) =>
    JSON.stringify(
      (sets ?? [])
        .map(({ type, values, ttlSeconds }) => `${type} ${values.join()} ${ttls ? ttlSeconds : ''}`)
        .toSorted(),
    ),
  );
  return texts[0] === texts[1];
}
