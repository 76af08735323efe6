import type { DeployReport, ObjectiveReport, Plan } from '../relocation/types.ts';
import { formatAge, formatBytes, formatDuration, sanitise, shortId } from '../ui/format.ts';
import { table } from './table.ts';
import { outcomeWords, tally } from './outcomes.ts';

/** Plans and deploys as text for a terminal. Pure. */

export function planText(plan: Plan): string {
  const steps = plan.steps.map((step) => [
    step.phase,
    sanitise(step.title),
    step.sizeBytes === undefined ? '' : formatBytes(step.sizeBytes),
    step.expectedMs === undefined ? '' : `about ${formatDuration(step.expectedMs)}`,
  ]);
  const environment = plan.environment.map(
    (change) => `  ${sanitise(change.name)}=${sanitise(change.after)}`,
  );
  return [
    `${sanitise(plan.app)} to ${sanitise(plan.target)}, from snapshot ${shortId(plan.snapshot.id)} (${formatAge(plan.snapshot.ageMs)}, ${formatBytes(plan.snapshot.sizeBytes)})`,
    '',
    table(steps),
    ...(environment.length > 0 ? ['', 'Its environment there:', ...environment] : []),
    '',
    plan.expectedMs === undefined
      ? 'How long it takes is known after the first deploy.'
      : `About ${formatDuration(plan.expectedMs)} in all.`,
  ].join('\n');
}

function headline({ app, outcome, failure }: DeployReport): string {
  if (failure !== undefined) return `${app} is NOT back.`;
  if (outcome === 'failed') return `${app} is up, but NOT as it should be.`;
  return outcome === 'passed' ? `${app} is back and verified.` : `${app} is back, but not verified.`;
}

function objective(name: string, { objectiveMs, measuredMs, met }: ObjectiveReport): string {
  const measured = `${name} ${formatDuration(measuredMs)}`;
  if (objectiveMs === undefined) return `${measured}, no objective set`;
  return `${measured} of ${formatDuration(objectiveMs)}, ${met ? 'met' : 'MISSED'}`;
}

/** `reportPath`: where the same lies as a page. */
export function deployText(report: DeployReport, reportPath: string): string {
  const { phases, objectives, services, gaps } = report;
  return [
    sanitise(headline(report)),
    ...services.map(({ name, address }) => `${sanitise(name)} answers on ${sanitise(address)}`),
    '',
    table(phases.map(({ phase, outcome, durationMs }) => [phase, outcome, formatDuration(durationMs)])),
    '',
    `${objective('RTO', objectives.rto)} · ${objective('RPO', objectives.rpo)}`,
    ...verifiedLines(report),
    ...(gaps.length > 0
      ? ['', 'Not restored or not verified:', ...gaps.map((gap) => `  ${sanitise(gap)}`)]
      : []),
    '',
    `Report: ${sanitise(reportPath)}`,
  ].join('\n');
}

function verifiedLines({ data, checks }: DeployReport): string[] {
  if (checks === undefined && data.length === 0) return ['Nothing was verified.'];
  const rows = [
    ...data.map(({ name, kind, outcome, detail }) => [`${name} (${kind})`, outcomeWords[outcome], detail]),
    ...(checks ?? []).map(({ title, outcome, detail }) => [title, outcomeWords[outcome], detail]),
  ].map((row) => row.map(sanitise));
  return [
    `${tally(data, 'source', 'equal to the snapshot')}, ${checks === undefined ? 'no check was run' : tally(checks, 'check', 'passed')}`,
    ...(rows.length > 0 ? ['', table(rows)] : []),
  ];
}
