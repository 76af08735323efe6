import type { DeployReport, ObjectiveReport, Plan } from '../relocation/types.ts';
import { formatAge, formatBytes, formatDuration, sanitise, shortId } from '../ui/format.ts';
import { table } from './table.ts';

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
    `${sanitise(plan.app)} to ${plan.target}, from snapshot ${shortId(plan.snapshot.id)} (${formatAge(plan.snapshot.ageMs)}, ${formatBytes(plan.snapshot.sizeBytes)})`,
    '',
    table(steps),
    ...(environment.length > 0 ? ['', 'Its environment there:', ...environment] : []),
    '',
    plan.expectedMs === undefined
      ? 'How long it takes is known after the first deploy.'
      : `About ${formatDuration(plan.expectedMs)} in all.`,
  ].join('\n');
}

const headlines = {
  passed: 'is back and verified',
  failed: 'is NOT back as it should be',
  unverified: 'is up, but not everything could be verified',
} as const;

function objective(name: string, { objectiveMs, measuredMs, met }: ObjectiveReport): string {
  const against =
    objectiveMs === undefined ? '' : ` of ${formatDuration(objectiveMs)}, ${met ? 'met' : 'MISSED'}`;
  return `${name} ${formatDuration(measuredMs)}${against}`;
}

/** `reportPath`: where the same lies as a page. */
export function deployText(report: DeployReport, reportPath: string): string {
  const verified = report.verify?.data.map((data) => [
    sanitise(data.name),
    data.outcome,
    `${data.facts} facts compared`,
    sanitise(data.detail),
  ]);
  const checks = report.verify?.checks.map((check) => [
    sanitise(check.title),
    check.outcome,
    sanitise(check.detail),
  ]);
  return [
    `${sanitise(report.app)} ${headlines[report.outcome]} (${report.deployment}).`,
    '',
    table(report.phases.map((phase) => [phase.phase, phase.outcome, formatDuration(phase.durationMs)])),
    '',
    `${objective('RTO', report.objectives.rto)} · ${objective('RPO', report.objectives.rpo)}`,
    ...(verified && verified.length > 0 ? ['', table(verified)] : []),
    ...(checks && checks.length > 0 ? ['', table(checks)] : []),
    ...(report.services.length > 0
      ? ['', ...report.services.map((service) => `${sanitise(service.name)}: ${service.address}`)]
      : []),
    ...(report.gaps.length > 0
      ? ['', 'Not verified or not restored:', ...report.gaps.map((gap) => `  ${sanitise(gap)}`)]
      : []),
    '',
    `Report: ${sanitise(reportPath)}`,
  ].join('\n');
}
