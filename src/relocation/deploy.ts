import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { version } from '../version.ts';
import { withDeployLock } from './app-lock.ts';
import { deployTasks, tasksOf } from './deploy-tasks.ts';
import type { DeployWork } from './deploy-work.ts';
import { addKeys, findSecrets, leadOf, sealKeys, type DeriveSecret } from './deployment-keys.ts';
import { createDeployment, damageOf, readDeployments } from './deployments.ts';
import { writeDurably } from './durable-file.ts';
import { readHistory, withMeasurements, writeHistory } from './history.ts';
import { deployedApp } from './host-steps.ts';
import { openJournal, type Journal, type JournalEntry, type JournalHeader } from './journal.ts';
import { deploymentLayout, stateLayout } from './layout.ts';
import { planSteps, stepIds } from './plan.ts';
import { preflight, prepareDeploy, prepareResume, type DeployInput, type PreparedDeploy } from './prepare.ts';
import { makeReport } from './report.ts';
import { comparedFromJournal } from './results.ts';
import { runPhase, StepFailure, type StepRun } from './run-steps.ts';
import { describeServices } from './services.ts';
import { stepsOf } from './steps-of-host.ts';
import type { DeployReport, Phase, Plan } from './types.ts';

export interface DeployOptions extends DeployInput {
  /** Go on with the newest deploy to this target instead of beginning one. */
  resume?: boolean;
  /** How the report is written as one HTML file beside report.json. */
  renderHtml?: (report: DeployReport) => string;
}

interface Tools {
  emit: Emit;
  signal: AbortSignal;
}

/** What a deploy would do: pure data, nothing happens. Throws as `prepareDeploy`. */
export async function planDeploy(input: DeployInput): Promise<Plan> {
  return (await prepareDeploy(input)).plan;
}

/**
 * Brings the app back to life at the target: preflight, provision, restore, start, verify. Every step is written in the
 * deployment's journal, so that after a `kill -9` anywhere `resume` ends as an undisturbed run would have. The report
 * also lies in the deployment's folder. An app that came up but fails its checks is no error: the report's outcome says
 * so. Throws `preflight-failed` (nothing was made), `deployment-busy`, `deployment-unfinished`, `deployment-missing`,
 * `interrupted`, and what the failing step threw; the hint then says what is left and how to go on.
 */
export async function deploy(input: DeployOptions, tools: Tools): Promise<DeployReport> {
  return input.resume === true ? resume(input, tools) : begin(input, tools);
}

async function begin(input: DeployOptions, { emit, signal }: Tools): Promise<DeployReport> {
  return input.repository.withLock('shared', { signal, isToRead: true }, async (signal) => {
    const prepared = await prepareDeploy(input);
    const { app, target } = prepared.plan;
    return withDeployLock({ stateFolder: input.stateFolder, app, target }, async () => {
      await refuseUnfinished(input.stateFolder, prepared.plan);
      const entries = await runPreflight(prepared, { emit, signal });
      const lead = leadOf(input.repository);
      const { deployment } = prepared.plan;
      const keys = sealKeys(input.repository, deployment, lead.id);
      await createDeployment(input.stateFolder, prepared.plan, lead, input.now, entries, keys);
      const deriveSecret = await secretsOf(input, {
        name: deployment,
        folder: prepared.folder,
        header: { repository: lead },
      });
      return carryOut(input, prepared, deriveSecret, { emit, signal });
    });
  });
}

async function resume(input: DeployOptions, { emit, signal }: Tools): Promise<DeployReport> {
  const { repository, stateFolder, target, app } = input;
  const newest = (await readDeployments(stateFolder, { app, target: target.name })).at(-1);
  if (newest === undefined) {
    const damage = await damageOf(stateFolder, { app, target: target.name });
    if (damage !== undefined) throw damage;
    throw new RelocateError('deployment-missing', `There is no deploy to ${target.name} to go on with.`, {
      facts: { target: target.name, stateFolder },
      hint: `Begin one with: relocate deploy --to ${target.name}`,
    });
  }
  const deriveSecret = await secretsOf(input, newest);
  return withDeployLock({ stateFolder, app: newest.plan.app, target: target.name }, () =>
    repository.withLock('shared', { signal, isToRead: true }, async (signal) => {
      const prepared = await prepareResume(input, newest.plan);
      const { name: deployment, folder, header } = newest;
      await addKeys(repository, { deployment, folder, leadId: header.repository.id });
      return carryOut(input, prepared, deriveSecret, { emit, signal });
    }),
  );
}

/** Two half-made deployments of one app are one more than anybody can keep in mind. */
async function refuseUnfinished(stateFolder: string, { app, target }: Plan): Promise<void> {
  const unfinished = (await readDeployments(stateFolder, { app, target })).findLast((one) => one.unfinished);
  if (unfinished === undefined) return;
  throw new RelocateError(
    'deployment-unfinished',
    `An earlier deploy to ${target} has not ended: ${unfinished.name}.`,
    {
      facts: { deployment: unfinished.name, startedAt: unfinished.header.startedAt },
      hint: `Go on with “relocate deploy --to ${target} --resume”, or remove it with “relocate destroy --to ${target}”.`,
    },
  );
}

/** Passwords are derived from the repository's key: with another repository they would be others. */
async function secretsOf(
  { repository }: DeployInput,
  { name, folder, header }: { name: string; folder: string; header: Pick<JournalHeader, 'repository'> },
): Promise<DeriveSecret> {
  const { id: leadId, url } = header.repository;
  const found = await findSecrets(repository, { deployment: name, folder, leadId });
  if (found !== undefined) return found;
  throw new RelocateError('usage', `${name} was begun from another repository: ${url}`, {
    facts: { deployment: name, repository: url },
    hint: 'Name that one with -r to go on.',
  });
}

async function runPreflight(prepared: PreparedDeploy, { emit, signal }: Tools): Promise<JournalEntry[]> {
  const step = stepIds.preflight;
  const startedAt = new Date();
  emit({
    type: 'phase-start',
    phase: 'preflight',
    title: `asking whether ${prepared.plan.target} can take it`,
  });
  const end = (outcome: 'done' | 'failed') =>
    emit({ type: 'phase-end', phase: 'preflight', durationMs: Date.now() - startedAt.getTime(), outcome });
  try {
    const findings = await preflight(prepared, { emit, signal });
    end('done');
    const endedAt = new Date();
    const durationMs = endedAt.getTime() - startedAt.getTime();
    return [
      { type: 'started', step, at: startedAt.toISOString() },
      { type: 'done', step, at: endedAt.toISOString(), durationMs, result: findings },
    ];
  } catch (error) {
    end('failed');
    throw error;
  }
}

const phaseTitles: Readonly<Record<Exclude<Phase, 'preflight'>, (plan: Plan) => string>> = {
  provision: ({ target }) => `bringing up ${target}`,
  restore: () => 'restoring and comparing',
  start: () => 'starting the services',
  verify: () => 'running the checks',
};

/** More dumps at once than this only fight for the disk. */
const parallelSteps = 4;

async function carryOut(
  input: DeployOptions,
  prepared: PreparedDeploy,
  deriveSecret: DeriveSecret,
  tools: Tools,
): Promise<DeployReport> {
  const { folder, plan } = prepared;
  const { repository, sourceOf } = input;
  const work: DeployWork = {
    ...prepared,
    repository,
    deriveSecret,
    sourceOf,
    emit: tools.emit,
    outputs: undefined,
    served: new Map(),
    verified: undefined,
    steps: undefined,
    handover: input.handover ?? [],
  };
  const journal = await openJournal(deploymentLayout.journal(folder));
  const run: StepRun = { ...tools, journal, parallel: parallelSteps, results: new Map(), kept: new Set() };
  try {
    const tasks = deployTasks(work, journal.steps);
    for (const phase of ['provision', 'restore', 'start', 'verify'] as const) {
      await runPhase(phase, phaseTitles[phase](plan), tasksOf(phase, tasks), run);
    }
    // What is left of files that a killed run wrote for its restores.
    await stepsOf(work).tidy(tools.signal);
    const report = await writeReport(input, work, run, undefined);
    await remember(input, work, journal, run.kept);
    return report;
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error;
    const failed = wayOn(error, prepared, tools.signal);
    const { message, hint } = failed;
    const failure = { step: error.step, message, ...(hint === undefined ? {} : { hint }) };
    await writeReport(input, work, run, failure);
    throw failed;
  } finally {
    await work.steps?.close();
    await journal.close();
  }
}

async function writeReport(
  input: DeployOptions,
  work: DeployWork,
  run: StepRun,
  failure: DeployReport['failure'],
): Promise<DeployReport> {
  const deployed = work.outputs === undefined ? undefined : deployedApp(work);
  // A report is written also where the host is what failed.
  const running = failure === undefined ? await stepsOf(work).services(new AbortController().signal) : [];
  const report = makeReport({
    relocateVersion: version,
    plan: work.plan,
    manifest: work.saved.manifest,
    header: run.journal.header,
    steps: run.journal.steps,
    kept: run.kept,
    finishedAt: new Date(),
    objectives: work.saved.app.objectives,
    data: comparedFromJournal(work.plan, run.journal.steps),
    verify: work.verified,
    failure,
    services: deployed === undefined ? [] : describeServices(deployed, running),
    environment: deployed?.environment.changes ?? work.plan.environment,
    gaps: deployed?.environment.gaps ?? [],
  });
  await writeDurably(deploymentLayout.reportJson(work.folder), `${JSON.stringify(report, null, 2)}\n`);
  if (input.renderHtml)
    await writeDurably(deploymentLayout.reportHtml(work.folder), input.renderHtml(report));
  return report;
}

/** For the plans of later deploys. */
async function remember(
  { stateFolder }: DeployOptions,
  { saved, plan }: DeployWork,
  { steps }: Journal,
  kept: ReadonlySet<string>,
): Promise<void> {
  const measured = planSteps({ ...saved, target: plan.target }).flatMap(({ id, kind, sizeBytes }) => {
    const state = steps.get(id);
    return state?.state === 'done' && !kept.has(id)
      ? [{ kind, durationMs: state.durationMs, sizeBytes }]
      : [];
  });
  const path = stateLayout.history(stateFolder);
  await writeHistory(path, withMeasurements(await readHistory(path), measured));
}

/** The failing step's error, with what is left behind and how to go on. */
function wayOn(
  { step, cause }: StepFailure,
  { plan: { target, deployment, steps }, folder }: PreparedDeploy,
  signal: AbortSignal,
): RelocateError {
  const title = steps.find(({ id }) => id === step)?.title ?? step;
  const onward = `What was made so far is kept. Go on with “relocate deploy --to ${target} --resume”, or remove it with “relocate destroy --to ${target}”.`;
  const facts = { deployment, step, report: deploymentLayout.reportHtml(folder) };
  if (signal.aborted) {
    // The signal may also abort because the repository's lock was lost.
    const { reason }: { reason: unknown } = signal;
    const isOther = reason instanceof RelocateError && reason.code !== 'interrupted';
    if (!isOther)
      return new RelocateError('interrupted', `Interrupted at: ${title}.`, { facts, hint: onward, cause });
  }
  if (cause instanceof RelocateError) {
    return new RelocateError(cause.code, cause.message, {
      facts: { ...cause.facts, ...facts },
      hint: cause.hint === undefined ? onward : `${cause.hint} ${onward}`,
      retryable: cause.retryable,
      cause,
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RelocateError('internal', `Failed to ${title}: ${reason}`, { facts, hint: onward, cause });
}
