import { RelocateError } from '../errors.ts';
import { withCutoverLock } from './app-lock.ts';
import { longestTtl, setsOf } from './cutover-plan.ts';
import type { Cutover, MovedName } from './cutover-record.ts';
import {
  checkOurs,
  confirmServed,
  CutoverBook,
  type CutoverReport,
  type CutoverSettings,
  type CutoverTools,
  inPhase,
  isThere,
  moveNames,
  outcomeOf,
  say,
  waitForCaches,
} from './cutover-work.ts';

/**
 * Puts back exactly what the names had before the last cutover, whole or half done, or before their times to live were
 * lowered. Needs what lies in the state folder and the provider's credentials, nothing else. Again after an
 * interruption, it goes on. Throws `cutover-missing`, `dns-changed`, `dns-failed`, `not-verified` and the like.
 */
export function rollback(
  input: CutoverSettings & { patienceMs?: number },
  tools: CutoverTools,
): Promise<CutoverReport> {
  return withCutoverLock(input, async () => {
    const startedAt = new Date();
    const book = await CutoverBook.open(input);
    const { last } = book;
    if (last === undefined) throw noCutover(input.app, 'to take back');
    const { dns } = last;
    const zone = await input.openZone(dns, say(tools), tools.signal);
    const now = await zone.list(last.names.map(({ name }) => name));
    checkOurs(now, last.names, input.force);
    const names = last.names.map(({ name, before }) => {
      const has = setsOf(now, name);
      return { name, before: has, after: before, changed: !isThere(has, before) };
    });
    const report = {
      cutoverVersion: 1,
      action: 'rollback',
      app: input.app,
      zone: dns.zone,
      provider: zone.provider,
      target: last.target,
      deployment: last.deployment,
      dryRun: input.dryRun,
      startedAt: startedAt.toISOString(),
      names,
    } as const;
    const quiet = { servers: [], checks: [], cachesUntil: undefined, next: undefined };
    if (input.dryRun) return { ...report, ...quiet, outcome: 'passed', finishedAt: new Date().toISOString() };
    const begun = await book.change(last, { state: 'returning' });
    const wanted = last.names.map(({ name, before }) => ({ name, sets: before }));
    const options = { allowGap: last.allowGap || input.allowGap, moved: last.names, force: input.force };
    await inPhase(tools, 'names', `putting back ${wanted.length} names`, () =>
      moveNames(zone, wanted, options, tools),
    );
    const servers = await confirmServed(zone, dns, wanted, tools, input.patienceMs);
    const until = new Date(Date.now() + keptSeconds(last) * 1000);
    const returned = await book.change(begun, { cachesUntil: until.toISOString() });
    if (input.wait) await waitForCaches(until, tools);
    await book.change(returned, { state: 'returned' });
    const outcome = outcomeOf(servers, [], input.wait || until.getTime() <= Date.now());
    return {
      ...report,
      ...quiet,
      servers,
      outcome,
      cachesUntil: until.toISOString(),
      finishedAt: new Date().toISOString(),
    };
  });
}

/** How long caches may keep what is taken back. */
function keptSeconds({ names, target, state }: Cutover): number {
  if (target === undefined) return 0;
  const isRaised = state === 'settling' || state === 'settled';
  const kept = ({ after, usualTtlSeconds }: MovedName) =>
    Math.max(longestTtl(after), isRaised ? usualTtlSeconds : 0);
  return Math.max(0, ...names.map(kept));
}

export function noCutover(app: string, which: string): RelocateError {
  return new RelocateError('cutover-missing', `There is no cutover of ${app} ${which}.`, {
    facts: { app },
    hint: 'Nothing was changed. Move its names with: relocate cutover --to TARGET',
  });
}
