import type { Dns } from '../app/app.ts';
import type { DnsZone } from '../dns/zone.ts';
import { withCutoverLock } from './app-lock.ts';
import { isOpen, longestTtl, lowered, originOf, setsOf } from './cutover-plan.ts';
import { noCutover } from './cutover-return.ts';
import type { Cutover } from './cutover-record.ts';
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
  warnOfDelegation,
} from './cutover-work.ts';

/**
 * Lets answers be kept for a short time only, ahead of a cutover: the old addresses are then soon forgotten. Where a
 * cutover is under way already, nothing is done. Idempotent. Throws as `cutover`.
 */
export function prepareCutover(
  input: CutoverSettings & { dns: Dns; patienceMs?: number },
  tools: CutoverTools,
): Promise<CutoverReport> {
  return withCutoverLock(input, async () => {
    const startedAt = new Date();
    const { dns } = input;
    const zone = await input.openZone(dns, say(tools), tools.signal);
    const book = await CutoverBook.open(input);
    const now = await zone.list(dns.names);
    const { last } = book;
    const ttlSeconds = Math.max(dns.ttlSeconds, zone.leastTtlSeconds);
    const names = dns.names.map((name) => {
      const origin = originOf(name, now, last, input.force);
      return { name, ...origin, after: lowered(origin.before, ttlSeconds) };
    });
    const isUnderWay = last?.state === 'switching' || last?.state === 'returning';
    if (!isUnderWay) checkOurs(now, names, input.force);
    await warnOfDelegation(zone, dns, tools);
    const report = reportOf('prepare', input, zone, startedAt, undefined);
    const planned = names.map(({ name, after }) => {
      const before = setsOf(now, name);
      return { name, before, after, changed: !isUnderWay && !isThere(before, after) };
    });
    if (isUnderWay || input.dryRun) return finish(report, { names: planned });
    const isKnown = last?.state === 'prepared' && planned.every(({ changed }) => !changed);
    const isIdle = !planned.some(({ changed }) => changed) && (last === undefined || !isOpen(last));
    if (isKnown || isIdle) return finish(report, { names: planned, cachesUntil: last?.cachesUntil });
    const begun = await book.begin({
      startedAt: startedAt.toISOString(),
      dns,
      state: 'preparing',
      names,
      allowGap: false,
    });
    const wanted = names.map(({ name, after }) => ({ name, sets: after }));
    await inPhase(tools, 'names', 'lowering times to live', () =>
      moveNames(zone, wanted, { allowGap: false, moved: names, force: input.force }, tools),
    );
    const servers = await confirmServed(zone, dns, wanted, tools, input.patienceMs);
    const loweredAt = new Date();
    const longest = Math.max(0, ...names.map(({ before }) => longestTtl(before)));
    const cachesUntil = new Date(loweredAt.getTime() + longest * 1000).toISOString();
    await book.change(begun, { state: 'prepared', loweredAt: loweredAt.toISOString(), cachesUntil });
    return finish(report, {
      names: planned,
      servers,
      cachesUntil,
      outcome: outcomeOf(servers, [], true),
      next: 'Move the names with: relocate cutover --to TARGET — or put back what was there: relocate cutover --rollback',
    });
  });
}

/** Lets answers be kept as long as before the cutover. Throws `cutover-missing` where there was none. */
export function settleCutover(
  input: CutoverSettings & { patienceMs?: number },
  tools: CutoverTools,
): Promise<CutoverReport> {
  return withCutoverLock(input, async () => {
    const startedAt = new Date();
    const book = await CutoverBook.open(input);
    const { last } = book;
    if (last === undefined || isOpen(last)) throw noCutover(input.app, 'that came to its end');
    const { dns } = last;
    const zone = await input.openZone(dns, say(tools), tools.signal);
    const now = await zone.list(last.names.map(({ name }) => name));
    checkOurs(now, last.names, input.force);
    const wanted = last.names.map(({ name, after, usualTtlSeconds }) => ({
      name,
      sets: after.map((set) => ({ ...set, ttlSeconds: Math.max(set.ttlSeconds, usualTtlSeconds) })),
    }));
    const report = reportOf('settle', input, zone, startedAt, last);
    const names = wanted.map(({ name, sets }) => {
      const before = setsOf(now, name);
      return { name, before, after: sets, changed: !isThere(before, sets) };
    });
    if (input.dryRun) return finish(report, { names });
    const begun = await book.change(last, { state: 'settling' });
    const options = { allowGap: false, moved: last.names, force: input.force };
    await inPhase(tools, 'names', 'raising times to live', () => moveNames(zone, wanted, options, tools));
    const servers = await confirmServed(zone, dns, wanted, tools, input.patienceMs);
    await book.change(begun, { state: 'settled' });
    return finish(report, { names, servers, outcome: outcomeOf(servers, [], true) });
  });
}

type Draft = Omit<CutoverReport, 'finishedAt' | 'names'>;

export function reportOf(
  action: CutoverReport['action'],
  { app, dryRun }: CutoverSettings,
  zone: DnsZone,
  startedAt: Date,
  cutover: Cutover | undefined,
): Draft {
  return {
    cutoverVersion: 1,
    action,
    app,
    zone: zone.name,
    provider: zone.provider,
    target: cutover?.target,
    deployment: cutover?.deployment,
    dryRun,
    startedAt: startedAt.toISOString(),
    outcome: 'passed',
    servers: [],
    checks: [],
    cachesUntil: undefined,
    next: undefined,
  };
}

export function finish(
  report: Draft,
  rest: Partial<CutoverReport> & Pick<CutoverReport, 'names'>,
): CutoverReport {
  return { ...report, ...rest, finishedAt: new Date().toISOString() };
}
