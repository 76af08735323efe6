import type { Outcome } from '../relocation/types.ts';
import type { DeploymentStatus, StatusResult } from '../relocation/status.ts';
import { formatAge, formatDuration, formatTime, sanitise, shortId } from '../ui/format.ts';
import { table } from './table.ts';
import { outcomeWords } from './outcomes.ts';

/** What `status` found, and what it could not ask. */
export interface StatusReport extends StatusResult {
  /** The app whose snapshots were looked for; undefined where no relocate.yaml names one. */
  app: string | undefined;
  rpoMs: number | undefined;
  /** Why nobody asked the repository: then neither checks nor snapshots are known. */
  repositoryProblem: { code: string; message: string; hint: string | undefined } | undefined;
}

/** Pure: `failed` where a check fails, `unverified` where something is not known or an objective is missed. */
export function statusOutcome({ deployments, snapshot, rpoMs, repositoryProblem }: StatusReport): Outcome {
  if (deployments.some(({ outcome }) => outcome === 'failed')) return 'failed';
  const isMissed = rpoMs !== undefined && snapshot?.rpo.met !== true;
  const isKnown = deployments.every(({ outcome }) => outcome === 'passed') && repositoryProblem === undefined;
  return isKnown && !isMissed ? 'passed' : 'unverified';
}

export function statusText(report: StatusReport, now: Date): string {
  const { deployments, repositoryProblem } = report;
  const blocks = [
    ...(deployments.length === 0
      ? ['Nothing is deployed. Bring the app up with: relocate deploy --to local']
      : deployments.map((one) => deploymentText(one, now))),
    snapshotLine(report),
    ...(repositoryProblem ? [problemText(repositoryProblem)] : []),
  ];
  return blocks.join('\n\n');
}

function deploymentText(deployment: DeploymentStatus, now: Date): string {
  const { snapshot, startedAt, services, checks, steps, next } = deployment;
  const from = snapshot && `from snapshot ${shortId(snapshot.id)} of ${formatTime(snapshot.time)}`;
  const origin = [startedAt && `deployed ${ageOf(startedAt, now)}`, from].filter(Boolean).join(', ');
  const rows = (checks ?? []).map(({ title, outcome, detail }) => [title, outcomeWords[outcome], detail]);
  return [
    `${sanitise(deployment.deployment)}: ${headline(deployment)}`,
    ...(origin === '' ? [] : [`  ${origin}`]),
    ...namesLines(deployment),
    ...indented(services.map((service) => serviceRow(service, now))),
    ...indented(rows.map((row) => row.map(sanitise))),
    ...(deployment.state === 'up' || steps.length === 0 ? [] : [`  Was at: ${sanitise(steps.join(', '))}`]),
    ...(next === undefined ? [] : [`  ${sanitise(next)}`]),
  ].join('\n');
}

function namesLines({ names: moved, target }: DeploymentStatus): string[] {
  if (moved === undefined) return [];
  const names = moved.names.join(', ');
  const to = target ?? 'TARGET';
  const words: Readonly<Record<typeof moved.state, string>> = {
    preparing: `${names}: being made ready to move here. Go on with: relocate cutover --to ${to}`,
    prepared: `${names}: ready to be moved here, with: relocate cutover --to ${to}`,
    switching: `${names}: being moved here, NOT done. Go on with: relocate cutover --to ${to}`,
    switched: `${names}: moved here; caches elsewhere may still lead to the old place`,
    done: `${names}: lead here`,
    settling: `${names}: lead here`,
    settled: `${names}: lead here`,
    returning: `${names}: being moved back, NOT done. Go on with: relocate cutover --rollback`,
    returned: `${names}: moved back`,
  };
  return [`  ${sanitise(words[moved.state])}`];
}

function headline({ state, checks, outcome }: DeploymentStatus): string {
  if (state === 'busy') return 'a deploy or destroy is at work on it';
  if (state === 'unfinished') return 'its deploy has NOT ended';
  if (state === 'damaged') return 'its files are DAMAGED';
  if (checks === undefined) return 'up, its checks could not be run';
  if (checks.length === 0) return 'up, there is nothing to check';
  const headlines = {
    passed: 'up, all checks pass',
    failed: 'NOT as it should be',
    unverified: 'up, not verified',
  };
  return headlines[outcome];
}

type Service = DeploymentStatus['services'][number];

const stateWords: Readonly<Record<Service['state'], string>> = {
  running: 'running',
  'backing-off': 'ENDED, is started again soon',
  'crash-looping': 'ENDS again and again',
  unsupervised: 'running, but nobody would start it again',
  stopped: 'STOPPED',
};

function serviceRow(
  { name, address, state, since, restarts, lastExit, logPath }: Service,
  now: Date,
): string[] {
  const isUp = state === 'running' || state === 'unsupervised';
  const facts = [
    isUp && since !== undefined ? `since ${formatTime(since)} (${ageOf(since, now)})` : '',
    restarts === 0 ? '' : `started again ${restarts} times`,
    lastExit === undefined ? '' : `last: ${lastExit}`,
    isUp && restarts === 0 ? '' : `log: ${logPath}`,
  ].filter((fact) => fact !== '');
  return [name, address ?? '', [stateWords[state], ...facts].join(', ')].map(sanitise);
}

function indented(rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return table(rows)
    .split('\n')
    .map((line) => `  ${line}`);
}

function snapshotLine({ snapshot, app, rpoMs, repositoryProblem }: StatusReport): string {
  const objective = rpoMs === undefined ? 'no objective set' : `objective ${formatDuration(rpoMs)}`;
  if (snapshot !== undefined) {
    const verdict = snapshot.rpo.met === undefined ? '' : snapshot.rpo.met ? ', met' : ', MISSED';
    return `Newest snapshot: ${shortId(snapshot.id)}, ${formatAge(snapshot.ageMs)} (${objective}${verdict})`;
  }
  if (repositoryProblem !== undefined) return `Newest snapshot: not known (${objective})`;
  if (app === undefined) return 'Newest snapshot: not looked for, as no relocate.yaml here names an app.';
  return `Newest snapshot: there is NONE of ${sanitise(app)} (${objective}). Take one with: relocate snapshot`;
}

function problemText({ message, hint }: NonNullable<StatusReport['repositoryProblem']>): string {
  const way = hint === undefined ? '' : ` ${hint}`;
  return `The repository could not be asked, so no check was run: ${sanitise(message)}${sanitise(way)}`;
}

function ageOf(moment: string, now: Date): string {
  return formatAge(now.getTime() - Date.parse(moment));
}
