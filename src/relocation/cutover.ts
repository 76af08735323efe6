import type { Check, Dns } from '../app/app.ts';
import { describeSets, sameAnswers } from '../dns/names.ts';
import type { DnsZone, RecordSet } from '../dns/zone.ts';
import { RelocateError } from '../errors.ts';
import type { HostOutput } from '../hosts/host.ts';
import { withCutoverLock } from './app-lock.ts';
import type { FrontDoor } from './ask-door.ts';
import { checkFront, frontDoors } from './cutover-checks.ts';
import { afterwards, cachesUntil, isOpen, originOf, setsOf } from './cutover-plan.ts';
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
  warnOfDelegation,
} from './cutover-work.ts';
import { type Deployment, missing, readDeployments } from './deployments.ts';
import { hostFromJournal } from './results.ts';
import type { CheckOutcome } from './types.ts';
import { overall } from './verify.ts';

export interface CutoverInput extends CutoverSettings {
  dns: Dns;
  /** The app's. */
  checks: readonly Check[];
  /** Of the app, in its order. */
  services: readonly string[];
  /** Certificates as PEM that the app's own are trusted by, beside those of the system. */
  rootPem?: string | undefined;
  target: string;
  /** The target's own checks; undefined where they could not be run. */
  checkDeployment: (deployment: Deployment, signal: AbortSignal) => Promise<CheckOutcome[] | undefined>;
  /** Asks the person, who sees what would be changed. False: nothing is changed. */
  confirm: (names: CutoverReport['names'], target: string) => Promise<boolean>;
  /** How long a certificate and the zone's servers may take. */
  patienceMs?: number;
}

const certificatePatienceMs = 180_000;

/**
 * Moves the app's names to a deployed target, and stays until everybody is sent there. What was there is written down
 * before the first change; a run that ended at any moment is gone on with by the next one, or taken back by `rollback`.
 * Throws `deployment-missing`, `deployment-unfinished`, `cutover-refused`, `dns-changed`, `dns-zone-missing`,
 * `dns-failed`, `not-verified`, `cutover-busy`, `cutover-damaged`, `interrupted`.
 */
export function cutover(input: CutoverInput, tools: CutoverTools): Promise<CutoverReport> {
  return withCutoverLock(input, () => cutoverAlone(input, tools));
}

async function cutoverAlone(input: CutoverInput, tools: CutoverTools): Promise<CutoverReport> {
  const startedAt = new Date();
  const { dns, target, dryRun } = input;
  const { deployment, host } = await findDeployment(input);
  const zone = await input.openZone(dns, say(tools), tools.signal);
  const book = await CutoverBook.open(input);
  const now = await zone.list(dns.names);
  const names = planNames(now, host, book.last, zone, input);
  await warnOfDelegation(zone, dns, tools);
  const doors = frontDoors(host, input.services);
  const { own, front } = await checkTarget(deployment, doors, input, tools);
  const planned = names.map((one) => ({
    name: one.name,
    before: setsOf(now, one.name),
    after: one.after,
    changed: !isThere(setsOf(now, one.name), one.after),
  }));
  const report = {
    cutoverVersion: 1,
    action: 'cutover',
    app: input.app,
    zone: dns.zone,
    provider: zone.provider,
    target,
    deployment: deployment.name,
    dryRun,
    startedAt: startedAt.toISOString(),
    names: planned,
  } as const;
  if (dryRun) {
    const next = `To do it: relocate cutover --to ${target}`;
    const finishedAt = new Date().toISOString();
    return {
      ...report,
      finishedAt,
      outcome: 'passed',
      servers: [],
      checks: [...own, ...front],
      cachesUntil: undefined,
      next,
    };
  }
  const resumed = resumable(book.last, deployment.name, planned);
  const isIdle = planned.every(({ before, after }) => sameAnswers(before, after));
  // Names that lead there already, and no cutover under way: nothing is begun that could be taken back.
  const idle = isIdle && (book.last === undefined || !isOpen(book.last));
  if (resumed === undefined && !idle && !(await input.confirm(planned, target))) throw declined();
  const begun =
    resumed ??
    (idle
      ? newCutover(planned.map(stays), deployment.name, input, 'done')
      : await book.begin({
          ...newCutover(names, deployment.name, input, 'switching'),
          loweredAt: book.last?.state === 'prepared' ? book.last.loweredAt : undefined,
        }));
  const moved = begun.state === 'switching' ? await move(zone, begun, input, tools) : undefined;
  const done = await followUp(book, zone, begun, doors, input, tools, moved !== undefined);
  // With --force the target's own checks may not have passed; what is not known to be right is not right.
  const outcome = overall([...own.map((one) => one.outcome), done.outcome]);
  const checks = [...own, ...done.checks];
  return { ...report, ...done, outcome, checks, finishedAt: new Date().toISOString() };
}

async function findDeployment({
  stateFolder,
  app,
  target,
}: CutoverInput): Promise<{ deployment: Deployment; host: HostOutput }> {
  const all = await readDeployments(stateFolder, { app, target });
  const deployment = all.findLast(({ unfinished }) => !unfinished);
  if (deployment === undefined && all.length > 0) {
    throw new RelocateError('deployment-unfinished', `The deploy to ${target} has not come to its end.`, {
      facts: { target, deployment: all.at(-1)?.name },
      hint: `No name was changed. Go on with: relocate deploy --to ${target} --resume`,
    });
  }
  const host = deployment && hostFromJournal(deployment.steps);
  if (deployment === undefined || host === undefined) throw missing(`of ${app} to ${target}`);
  return { deployment, host };
}

function planNames(
  now: readonly RecordSet[],
  host: HostOutput,
  last: Cutover | undefined,
  zone: DnsZone,
  { dns, force }: CutoverInput,
): MovedName[] {
  const ttlSeconds = Math.max(dns.ttlSeconds, zone.leastTtlSeconds);
  const names = dns.names.map((name) => {
    const origin = originOf(name, now, last, force);
    const after = afterwards(name, origin.before, [host.address], { ...dns, ttlSeconds });
    return { name, ...origin, after };
  });
  checkOurs(now, names, force);
  return names;
}

/** Of the target itself, and as visitors will come to it. Throws `cutover-refused` where they do not pass. */
async function checkTarget(
  deployment: Deployment,
  doors: readonly FrontDoor[],
  input: CutoverInput,
  tools: CutoverTools,
): Promise<{ own: CheckOutcome[]; front: CheckOutcome[] }> {
  const { dns, force } = input;
  const { signal } = tools;
  const both = await inPhase(tools, 'checks', `checking ${deployment.name}`, async () => {
    const own = (await input.checkDeployment(deployment, signal)) ?? [notAsked];
    const front = await checkFront({
      names: dns.names,
      checks: input.checks,
      doors,
      strict: false,
      rootPem: input.rootPem,
      patienceMs: 0,
      signal,
    });
    return { own, front };
  });
  const checks = [...both.own, ...both.front];
  const outcome = overall(checks.map(({ outcome }) => outcome));
  if (outcome === 'passed') return both;
  const worst = checks.find((one) => one.outcome === outcome);
  const said = worst === undefined ? 'it has no checks' : `${worst.title}: ${worst.detail}`;
  if (force) {
    tools.emit({
      type: 'warning',
      code: 'checks-not-passed',
      message: `Going on by --force, though ${said}`,
    });
    return both;
  }
  const word = outcome === 'failed' ? 'fail' : 'could not all be run';
  throw new RelocateError('cutover-refused', `The checks of ${deployment.name} ${word}: ${said}`, {
    facts: { deployment: deployment.name, check: worst?.title, detail: worst?.detail },
    hint: 'No name was changed. See all with: relocate status — or go on nevertheless with --force.',
  });
}

const notAsked: CheckOutcome = {
  title: 'the app’s own checks',
  outcome: 'unverified',
  detail: 'the repository, which holds them, cannot be opened',
  durationMs: 0,
};

/** The same cutover, begun by an earlier run. */
function resumable(
  last: Cutover | undefined,
  deployment: string,
  names: CutoverReport['names'],
): Cutover | undefined {
  if (last === undefined || last.deployment !== deployment) return undefined;
  const isThrough = ['switched', 'done', 'settling', 'settled'].includes(last.state);
  // What was through and is there no more was taken back by somebody: that is a cutover of its own.
  const isKept = isThrough && names.every(({ before, after }) => sameAnswers(before, after));
  if (last.state !== 'switching' && !isKept) return undefined;
  const isSame = names.every(({ name, after }) => {
    const known = last.names.find((one) => one.name === name);
    return known !== undefined && describeSets(known.after) === describeSets(after);
  });
  return isSame && names.length === last.names.length ? last : undefined;
}

function newCutover(
  names: MovedName[],
  deployment: string,
  { dns, target, allowGap }: CutoverInput,
  state: Cutover['state'],
): Cutover {
  return { startedAt: new Date().toISOString(), dns, target, deployment, state, names, allowGap };
}

function stays({ name, before }: CutoverReport['names'][number]): MovedName {
  return { name, before, after: before, usualTtlSeconds: 0 };
}

async function move(
  zone: DnsZone,
  begun: Cutover,
  { force }: CutoverInput,
  tools: CutoverTools,
): Promise<true> {
  const wanted = begun.names.map(({ name, after }) => ({ name, sets: after }));
  const options = { allowGap: begun.allowGap, moved: begun.names, force };
  await inPhase(tools, 'names', `moving ${begun.names.length} names to ${begun.target}`, () =>
    moveNames(zone, wanted, options, tools),
  );
  return true;
}

/** From the moment when the provider has taken the change: it is served, it works, and caches run out. */
async function followUp(
  book: CutoverBook,
  zone: DnsZone,
  begun: Cutover,
  doors: readonly FrontDoor[],
  input: CutoverInput,
  tools: CutoverTools,
  isNew: boolean,
): Promise<Pick<CutoverReport, 'servers' | 'checks' | 'cachesUntil' | 'outcome' | 'next'>> {
  const { dns, patienceMs } = input;
  const wanted = begun.names.map(({ name, after }) => ({ name, sets: after }));
  const isQuiet = begun.state === 'settling' || begun.state === 'settled';
  const servers = isQuiet ? [] : await confirmServed(zone, dns, wanted, tools, patienceMs);
  const seenAt = new Date();
  const until = isNew ? cachesUntil(begun, seenAt) : new Date(begun.cachesUntil ?? seenAt);
  const switched = isNew
    ? await book.change(begun, {
        state: 'switched',
        switchedAt: seenAt.toISOString(),
        cachesUntil: until.toISOString(),
      })
    : begun;
  const { signal } = tools;
  const checks = await inPhase(tools, 'front', 'asking the app by its names', () =>
    checkFront({
      names: dns.names,
      checks: input.checks,
      doors,
      strict: true,
      rootPem: input.rootPem,
      patienceMs: patienceMs ?? certificatePatienceMs,
      signal,
    }),
  );
  const isWrong = overall(checks.map(({ outcome }) => outcome)) === 'failed';
  const hasWaited = (input.wait && !isWrong) || until.getTime() <= Date.now();
  if (input.wait && !isWrong) await waitForCaches(until, tools);
  if (hasWaited && switched.state === 'switched') await book.change(switched, { state: 'done' });
  const outcome = outcomeOf(servers, checks, hasWaited);
  return { servers, checks, cachesUntil: until.toISOString(), outcome, next: nextOf(outcome, begun) };
}

function nextOf(outcome: CutoverReport['outcome'], { target }: Cutover): string {
  const back = 'Go back with: relocate cutover --rollback';
  if (outcome === 'failed') return `${back} — or mend it, then run again: relocate cutover --to ${target}`;
  return `${back} — or, when all is well, let answers be kept as long as before: relocate cutover --settle`;
}

export function declined(): RelocateError {
  return new RelocateError('usage', 'Nothing was changed.', {
    hint: 'To do it without being asked, add --yes.',
  });
}
