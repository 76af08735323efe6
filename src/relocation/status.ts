import { RelocateError } from '../errors.ts';
import { listServices } from '../hosts/supervisor.ts';
import type { ServiceState } from '../hosts/service.ts';
import type { Repository } from '../repository/repository.ts';
import { checkSite } from './check-site.ts';
import { destinationOf, placeOf } from './databases.ts';
import { deployedEnvironment } from './app-environment.ts';
import { lockHolder } from './app-lock.ts';
import { findSecrets } from './deployment-keys.ts';
import { deploymentNames, readDeployment, type Deployment } from './deployments.ts';
import { stateLayout } from './layout.ts';
import { findPlaces, moveOf } from './places.ts';
import { hostFromJournal, servedFromJournal } from './results.ts';
import { readSavedApp, type OptionSchemas } from './saved-app.ts';
import { checkServices, workingFolder } from './services.ts';
import type { CheckOutcome, ObjectiveReport, Outcome } from './types.ts';
import { overall, runChecks } from './verify.ts';

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
  const ports = hostFromJournal(steps);
  const services = (await listServices(plan.folder)).map((service) => {
    const port = ports?.ports[service.name.replace(/^postgres\./, '')];
    return { ...service, address: port === undefined ? undefined : `${ports?.address}:${port}` };
  });
  const checks = state === 'up' ? await checksOf(deployment, input, signal) : undefined;
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
    outcome: state === 'up' ? overall((checks ?? []).map(({ outcome }) => outcome)) : 'unverified',
    next: nextOf(deployment, state),
  };
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

/** The checks of the app that was deployed, each tried once. */
export async function checksOf(
  { name, folder, plan, steps, header }: Deployment,
  { repository, schemas }: Pick<StatusInput, 'repository' | 'schemas'>,
  signal: AbortSignal,
): Promise<CheckOutcome[] | undefined> {
  const host = hostFromJournal(steps);
  if (repository === undefined || host === undefined) return undefined;
  const leadId = header.repository.id;
  const deriveSecret = await findSecrets(repository, { deployment: name, folder, leadId });
  if (deriveSecret === undefined) return undefined;
  const { app } = await readSavedApp(repository, await repository.findSnapshot(plan.snapshot.id), schemas);
  const places = findPlaces(app, plan.folder);
  const secrets = (name: string) => ({
    deployment: plan.deployment,
    name,
    adminUrl: undefined,
    deriveSecret,
  });
  const served = new Map(
    places.data.flatMap(({ name }) => {
      const found = servedFromJournal(steps, name);
      return found === undefined ? [] : [[name, found] as const];
    }),
  );
  const databases = new Map([...served].map(([name, one]) => [name, placeOf(one, secrets(name))] as const));
  const ports = Object.fromEntries(Object.entries(host.ports).map(([name, port]) => [name, String(port)]));
  const environment = deployedEnvironment(app, moveOf(places, databases), ports, plan.deployment);
  const deployed = { app, places, host, deployment: plan.deployment, environment };
  const site = checkSite({
    app,
    host,
    folder: workingFolder(deployed),
    environment: environment.shared,
    destinationOf: (data) => {
      const place = places.data.find(({ name }) => name === data);
      const one = served.get(data);
      if (place?.kind === 'path') return { kind: 'path', path: place.after };
      return one && destinationOf(one, secrets(data));
    },
    patient: false,
    signal,
  });
  return [...(await runChecks(app.checks, site)), ...(await checkServices(deployed, signal))];
}
