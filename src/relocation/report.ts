import type { JournalHeader, StepState } from './journal.ts';
import type {
  CheckOutcome,
  DataOutcome,
  DeployReport,
  EnvironmentChange,
  Manifest,
  ObjectiveReport,
  Phase,
  PhaseReport,
  Plan,
  StepReport,
  VerifyResult,
} from './types.ts';
import { savedParts } from './manifest.ts';
import { stepIds } from './plan.ts';

/** All that the report of a deploy is made of. */
export interface ReportInput {
  relocateVersion: string;
  plan: Plan;
  manifest: Manifest;
  header: JournalHeader;
  steps: ReadonlyMap<string, StepState>;
  /** Steps whose result came from an earlier run. */
  kept: ReadonlySet<string>;
  finishedAt: Date;
  objectives: { rtoMs?: number; rpoMs?: number };
  /** Outcomes of the finished comparisons. */
  data: DataOutcome[];
  /** Undefined: the deploy ended before it. */
  verify: VerifyResult | undefined;
  failure: DeployReport['failure'];
  services: DeployReport['services'];
  environment: EnvironmentChange[];
  gaps: string[];
}

const phases: readonly Phase[] = ['preflight', 'provision', 'restore', 'start', 'verify'];

/** Pure. */
export function makeReport(input: ReportInput): DeployReport {
  const { plan, manifest, header, finishedAt, objectives, verify, failure } = input;
  const startedAt = header.startedAt;
  const steps = plan.steps.map((step) => stepReport(step, input));
  const outcome = failure === undefined ? (verify?.outcome ?? 'failed') : 'failed';
  return {
    reportVersion: 1,
    relocateVersion: input.relocateVersion,
    app: plan.app,
    target: plan.target,
    deployment: plan.deployment,
    folder: plan.folder,
    snapshot: {
      id: plan.snapshot.id,
      time: plan.snapshot.time,
      sizeBytes: plan.snapshot.sizeBytes,
      repository: header.repository.url,
      hostname: manifest.hostname,
    },
    startedAt,
    finishedAt: finishedAt.toISOString(),
    outcome,
    ...(failure === undefined ? {} : { failure }),
    phases: phases.flatMap((phase) => phaseReport(phase, steps)),
    steps,
    objectives: {
      // What came up and fails its checks is not back, however quick it was.
      rto: objective(objectives.rtoMs, finishedAt.getTime() - Date.parse(startedAt), outcome !== 'failed'),
      rpo: objective(
        objectives.rpoMs,
        Math.max(0, Date.parse(startedAt) - Date.parse(manifest.capturedAt)),
        true,
      ),
    },
    restored: restoredOf(manifest, input.steps),
    data: input.data,
    checks: verify?.checks,
    services: input.services,
    environment: input.environment,
    gaps: [...input.gaps, ...gapsOf(input)],
  };
}

function stepReport(step: Plan['steps'][number], { steps, kept, header }: ReportInput): StepReport {
  const { id, phase, title, sizeBytes } = step;
  const state = steps.get(id);
  const outcome =
    state === undefined
      ? 'not reached'
      : state.state !== 'done'
        ? 'failed'
        : kept.has(id)
          ? 'resumed'
          : 'done';
  return {
    id,
    phase,
    title,
    startedAt: state?.startedAt ?? header.startedAt,
    durationMs: state?.state === 'done' || state?.state === 'failed' ? state.durationMs : 0,
    outcome,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  };
}

/** From the first beginning of one of its steps to the last end. */
function phaseReport(phase: Phase, steps: readonly StepReport[]): PhaseReport[] {
  const own = steps.filter((step) => step.phase === phase);
  if (own.length === 0) return [];
  const reached = own.filter(({ outcome }) => outcome !== 'not reached');
  const starts = reached.map(({ startedAt }) => Date.parse(startedAt));
  const ends = reached.map(({ startedAt, durationMs }) => Date.parse(startedAt) + durationMs);
  const startMs = Math.min(...starts);
  const outcome = own.some((step) => step.outcome === 'failed')
    ? 'failed'
    : reached.length < own.length
      ? 'not reached'
      : 'done';
  return reached.length === 0
    ? [{ phase, startedAt: own[0]?.startedAt ?? '', durationMs: 0, outcome: 'not reached' }]
    : [
        {
          phase,
          startedAt: new Date(startMs).toISOString(),
          durationMs: Math.max(...ends) - startMs,
          outcome,
        },
      ];
}

function objective(objectiveMs: number | undefined, measuredMs: number, reached: boolean): ObjectiveReport {
  return {
    objectiveMs,
    measuredMs,
    met: objectiveMs === undefined ? undefined : reached && measuredMs <= objectiveMs,
  };
}

function restoredOf(manifest: Manifest, steps: ReadonlyMap<string, StepState>): DeployReport['restored'] {
  const all = [
    ...(manifest.code ? [{ source: manifest.code, id: stepIds.restoreCode as string }] : []),
    ...(manifest.images ? [{ source: manifest.images, id: stepIds.restoreImages as string }] : []),
    ...manifest.sources.map((source) => ({ source, id: stepIds.restore(source.name) })),
  ];
  return all.flatMap(({ source: { name, kind, sizeBytes, items }, id }) => {
    const state = steps.get(id);
    return state?.state === 'done' ? [{ name, kind, sizeBytes, items, durationMs: state.durationMs }] : [];
  });
}

function gapsOf({ manifest, data, verify, failure, plan }: ReportInput): string[] {
  const missing = savedParts(manifest).flatMap(({ name, problems }) =>
    problems.map(({ path, reason }) => `${name}: ${path}: ${reason}`),
  );
  return [
    ...(missing.length === 0
      ? []
      : [
          `${missing.length} things were not in the snapshot, because they could not be read: ${some(missing)}`,
        ]),
    ...(failure === undefined ? [] : ['The deploy ended before all was restored, started and checked.']),
    ...unverified([...(verify?.checks ?? []), ...data]),
    ...(verify?.checks.length === 0
      ? ['relocate.yaml names no checks: nobody asked the app whether it works.']
      : []),
    ...(plan.steps.some(({ phase }) => phase === 'start')
      ? []
      : ['The app has no services: nothing was started.']),
  ];
}

function unverified(all: readonly (CheckOutcome | DataOutcome)[]): string[] {
  return all
    .filter(({ outcome }) => outcome === 'unverified')
    .map((one) => `Not verified: ${'title' in one ? one.title : one.name} (${one.detail})`);
}

function some(all: readonly string[]): string {
  const shown = all.slice(0, 5).join('; ');
  return all.length > 5 ? `${shown}; …` : shown;
}
