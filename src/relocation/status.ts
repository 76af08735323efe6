import { RelocateError } from '../errors.ts';
import { silent } from '../events.ts';
import type { HostOutput } from '../hosts/host.ts';
import { listServices } from '../hosts/supervisor.ts';
import type { ServiceState } from '../hosts/service.ts';
import type { Repository } from '../repository/repository.ts';
import { agentSteps } from './agent-steps.ts';
import { lockHolder } from './app-lock.ts';
import { lastCutover, readCutovers, type CutoverState } from './cutover-record.ts';
import type { HostWork } from './deploy-work.ts';
import { findSecrets } from './deployment-keys.ts';
import { deploymentNames, readDeployment, type Deployment } from './deployments.ts';
import { directSteps } from './host-steps.ts';
import { stateLayout } from './layout.ts';
import { findPlaces } from './places.ts';
import { hostFromJournal, servedFromJournal } from './results.ts';
import { readSavedApp, type OptionSchemas } from './saved-app.ts';
import type { CheckOutcome, ObjectiveReport, Outcome } from './types.ts';
import { overall } from './verify.ts';

export interface StatusInput {
  stateFolder: string;
  /** Checks need it: it holds what is to be checked, and its key gives the passwords. Undefined: they are not run. */
  repository: Repository | undefined;
  schemas: OptionSchemas;
  /** The newest whole snapshot; undefined where there is none, or nobody looked. */
  newest: { id: string; time: string } | undefined;
  rpoMs: number | undefined;
  now: Date;
}

export interface StatusResult {
  deployments: DeploymentStatus[];
  /** Undefined where no snapshot is known. */
  snapshot: { id: string; time: string; ageMs: number; rpo: ObjectiveReport } | undefined;
}

export interface DeploymentStatus {
  deployment: string;
  /** Undefined for a deployment whose files are damaged. */
  app: string | undefined;
  target: string | undefined;
  startedAt: string | undefined;
  snapshot: { id: string; time: string } | undefined;
  /** `busy`: a deploy or destroy is at it now. `up`: it came to its end; what it serves is told by services and checks. */
  state: 'up' | 'busy' | 'unfinished' | 'damaged';
  /** Titles of the steps that were under way last, for one that is busy or unfinished. */
  steps: string[];
  services: (ServiceState & { address: string | undefined })[];
  /** Undefined where checks could not be run at all. */
  checks: CheckOutcome[] | undefined;
  /** The app’s names that a cutover leads here, or is to. */
  names?: { names: string[]; state: CutoverState };
  outcome: Outcome;
  /** What is wrong, and the command to go on with. */
  next: string | undefined;
}

/** All deployments as they are now, and the newest snapshot's age against the objective. Changes nothing. */
export async function status(input: StatusInput, { signal }: { signal: AbortSignal }): Promise<StatusResult> {
  const { newest, now, rpoMs } = input;
  const names = await deploymentNames(input.stateFolder);
  const deployments: DeploymentStatus[] = [];
  for (const name of names) deployments.push(await statusOf(name, input, signal));
  const ageMs = newest && Math.max(0, now.getTime() - Date.parse(newest.time));
  return {
    deployments,
    snapshot:
      newest === undefined || ageMs === undefined
        ? undefined
        : {
            ...newest,
            ageMs,
            rpo: {
              objectiveMs: rpoMs,
              measuredMs: ageMs,
              met: rpoMs === undefined ? undefined : ageMs <= rpoMs,
            },
          },
  };
}

async function statusOf(name: string, input: StatusInput, signal: AbortSignal): Promise<DeploymentStatus> {
  const deployment = await readDeployment(input.stateFolder, name).catch((error: unknown) => error);
  if (!isDeployment(deployment)) return damaged(name, deployment);
  const { plan, header, steps, unfinished } = deployment;
  const busy = await lockHolder(stateLayout.deployLock(input.stateFolder, plan.app, plan.target));
  const begun = plan.steps.filter(({ id }) => ['started', 'failed'].includes(steps.get(id)?.state ?? ''));
  const state = unfinished ? (busy === undefined ? 'unfinished' : 'busy') : 'up';
  const host = hostFromJournal(steps);
  const { running, checks } = await askHost(deployment, host, state === 'up', input, signal);
  const services = running.map((service) => {
    const port = host?.ports[service.name.replace(/^postgres\./, '')];
    return { ...service, address: port === undefined ? undefined : `${host?.address}:${port}` };
  });
  const moved = await namesOf(name, plan.app, input.stateFolder);
  return {
    deployment: name,
    app: plan.app,
    target: plan.target,
    startedAt: header.startedAt,
    snapshot: { id: plan.snapshot.id, time: plan.snapshot.time },
    state,
    steps: begun.map(({ title }) => title),
    services,
    checks,
    ...(moved === undefined ? {} : { names: moved }),
    outcome: state === 'up' ? overall((checks ?? []).map(({ outcome }) => outcome)) : 'unverified',
    next: nextOf(deployment, state),
  };
}

/** A record that cannot be read says nothing: `cutover` itself tells what to do about it. */
async function namesOf(name: string, app: string, stateFolder: string): Promise<DeploymentStatus['names']> {
  const cutovers = await readCutovers(stateFolder, app).catch(() => []);
  const last = lastCutover(cutovers);
  return last?.deployment === name ? { names: last.dns.names, state: last.state } : undefined;
}

function isDeployment(value: unknown): value is Deployment {
  return typeof value === 'object' && value !== null && 'plan' in value;
}

function damaged(name: string, error: unknown): DeploymentStatus {
  const reason = error instanceof RelocateError ? `${error.message} ${error.hint ?? ''}` : String(error);
  return {
    deployment: name,
    app: undefined,
    target: undefined,
    startedAt: undefined,
    snapshot: undefined,
    state: 'damaged',
    steps: [],
    services: [],
    checks: undefined,
    outcome: 'unverified',
    next: reason.trim(),
  };
}

function nextOf({ name, plan }: Deployment, state: DeploymentStatus['state']): string | undefined {
  if (state === 'unfinished') {
    return `Go on with: relocate deploy --to ${plan.target} --resume — or remove it with: relocate destroy --deployment ${name}`;
  }
  return undefined;
}

/** The checks of the app that was deployed, each tried once; undefined where they cannot be run at all. */
export async function checksOf(
  deployment: Deployment,
  input: Pick<StatusInput, 'repository' | 'schemas'>,
  signal: AbortSignal,
): Promise<CheckOutcome[] | undefined> {
  return (await askHost(deployment, hostFromJournal(deployment.steps), true, input, signal)).checks;
}

interface Asked {
  running: ServiceState[];
  checks: CheckOutcome[] | undefined;
}

/** What runs there, and the checks of the app that was deployed, each tried once. */
async function askHost(
  deployment: Deployment,
  host: HostOutput | undefined,
  isUp: boolean,
  input: Pick<StatusInput, 'repository' | 'schemas'>,
  signal: AbortSignal,
): Promise<Asked> {
  const isHere = host === undefined || host.transport.kind === 'local';
  const work = host && (await workOf(deployment, host, input));
  if (work === undefined)
    return { running: isHere ? await listServices(deployment.plan.folder) : [], checks: undefined };
  const steps = isHere ? directSteps(work) : agentSteps(work, { deploys: false });
  try {
    const checks = isUp ? await steps.check({ patient: false }, signal) : undefined;
    return { running: await steps.services(signal), checks };
  } catch (error) {
    if (!(error instanceof RelocateError) || error.code !== 'host-failed') throw error;
    const unreached = { title: 'the host answers', outcome: 'failed' as const, detail: error.message };
    return { running: [], checks: [{ ...unreached, durationMs: 0 }] };
  } finally {
    await steps.close();
  }
}

/** Undefined where nobody can tell the deployment's passwords. */
async function workOf(
  { name, folder, plan, steps, header }: Deployment,
  host: HostOutput,
  { repository, schemas }: Pick<StatusInput, 'repository' | 'schemas'>,
): Promise<(HostWork & { handover: [] }) | undefined> {
  if (repository === undefined) return undefined;
  const leadId = header.repository.id;
  const deriveSecret = await findSecrets(repository, { deployment: name, folder, leadId });
  if (deriveSecret === undefined) return undefined;
  const snapshot = await repository.findSnapshot(plan.snapshot.id);
  const saved = await readSavedApp(repository, snapshot, schemas);
  const places = findPlaces(saved.app, plan.folder);
  const served = places.data.flatMap(({ name }) => {
    const found = servedFromJournal(steps, name);
    return found === undefined ? [] : [[name, found] as const];
  });
  return {
    plan,
    folder,
    saved,
    places,
    repository,
    deriveSecret,
    sourceOf: (kind) => {
      throw new RelocateError('internal', `Nothing is restored here, and no ${kind} either.`);
    },
    emit: silent,
    outputs: { hosts: [host] },
    served: new Map(served),
    handover: [],
  };
}
