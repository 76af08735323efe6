import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { DeployRequest, StackOutputs, Target } from '../../stacks/target.ts';
import { RelocateError } from '../errors.ts';
import { forSource, withTotal, type Emit } from '../events.ts';
import { savedTree } from '../filesystem/restore.ts';
import type { HostOutput } from '../hosts/host.ts';
import type { Repository } from '../repository/repository.ts';
import type { Destination, SavedSource, Source } from '../sources/source.ts';
import { deployedEnvironment, type DeployedEnvironment } from './app-environment.ts';
import { destinationOf, placeOf, serveDatabase, type ServedDatabase } from './databases.ts';
import type { DeriveSecret } from './deployment-keys.ts';
import { packAgent } from '../hosts/agent/install.ts';
import { accessOf } from './host-access.ts';
import { deploymentLayout } from './layout.ts';
import { moveOf, type DataPlace, type Places } from './places.ts';
import { provision } from './pulumi.ts';
import { prepareDestination } from './restore-place.ts';
import type { HostSteps } from './host-steps.ts';
import type { HandedRepository } from './handover.ts';
import type { SavedApp } from './saved-app.ts';
import type { DataOutcome, Plan, VerifyResult } from './types.ts';
import { compareFingerprints } from './verify.ts';

/** One deployment, and what is known of it while it is worked on. */
export interface DeployWork {
  plan: Plan;
  /** The deployment's folder, absolute. */
  folder: string;
  saved: SavedApp;
  places: Places;
  target: Target;
  /** Parsed by the target's schema. */
  options: unknown;
  request: DeployRequest;
  repository: Repository;
  deriveSecret: DeriveSecret;
  sourceOf: (kind: string) => Source;
  emit: Emit;
  /** Set by `provision`. The servers' URLs hold passwords. */
  outputs: StackOutputs | undefined;
  /** Set by `database:NAME`. */
  served: Map<string, ServedDatabase>;
  /** Set by `verify`. */
  verified: VerifyResult | undefined;
  /** How the host is worked on, once it is known; see steps-of-host.ts. */
  steps: HostSteps | undefined;
  /** How an agent on the host gets at the repository. */
  handover: readonly HandedRepository[];
}

/** What the steps on the host need to know, whoever does them. */
export type HostWork = Pick<
  DeployWork,
  | 'plan'
  | 'folder'
  | 'saved'
  | 'places'
  | 'repository'
  | 'deriveSecret'
  | 'sourceOf'
  | 'emit'
  | 'outputs'
  | 'served'
>;

export async function provisionStack(
  work: DeployWork,
  signal: AbortSignal,
): Promise<Pick<StackOutputs, 'hosts'>> {
  if (work.target.isThisMachine !== true) packAgent();
  work.outputs = await provision({
    target: work.target,
    options: work.options,
    request: { ...work.request, access: accessOf(work.deriveSecret, work.plan.deployment) },
    stateFolder: work.folder,
    passphrase: stackPassphrase(work.deriveSecret, work.plan.deployment),
    emit: work.emit,
    signal,
  });
  return { hosts: work.outputs.hosts };
}

export function stackPassphrase(deriveSecret: DeriveSecret, deployment: string): string {
  return deriveSecret(`pulumi/${deployment}`);
}

export function hostOfWork({ outputs }: HostWork): HostOutput {
  const [host] = outputs?.hosts ?? [];
  if (host === undefined) throw new RelocateError('internal', 'The stack has not been brought up yet.');
  return host;
}

export async function serveOne(work: HostWork, name: string, signal: AbortSignal): Promise<ServedDatabase> {
  const place = work.places.data.find((candidate) => candidate.name === name);
  if (place?.kind !== 'postgres') throw new RelocateError('internal', `${name} is no database.`);
  const served = await serveDatabase({
    ...secretsOf(work, name),
    before: place.before,
    saved: savedOf(work, name),
    host: hostOfWork(work),
    signal,
  });
  work.served.set(name, served);
  return served;
}

function secretsOf({ plan, deriveSecret, outputs }: HostWork, name: string) {
  return {
    deployment: plan.deployment,
    name,
    adminUrl: outputs?.databaseServers?.[name],
    deriveSecret,
  };
}

export function savedOf({ saved }: HostWork, name: string): SavedSource {
  const source = saved.manifest.sources.find((candidate) => candidate.name === name);
  if (source === undefined) throw new RelocateError('internal', `The snapshot holds no ${name}.`);
  return source;
}

/** Holds passwords. */
export function destinationOfData(work: HostWork, place: DataPlace): Destination {
  if (place.kind !== 'postgres') return { kind: 'path', path: place.after };
  const served = work.served.get(place.name);
  if (served === undefined)
    throw new RelocateError('internal', `The database ${place.name} is not served yet.`);
  return destinationOf(served, secretsOf(work, place.name));
}

export async function restoreOne(
  work: HostWork,
  saved: SavedSource,
  destination: Destination,
  signal: AbortSignal,
): Promise<void> {
  if (destination.kind === 'path') await prepareDestination(hostOfWork(work).folder, destination.path);
  const scratch = deploymentLayout.scratch(work.folder, saved.path);
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  await work.sourceOf(saved.kind).restore(saved, destination, {
    ...contextOf(work, saved, signal),
    saved: await treeOf(work, saved, signal),
    scratch,
    parallel: Math.max(2, availableParallelism()),
  });
}

export async function compareOne(
  work: HostWork,
  saved: SavedSource,
  destination: Destination,
  signal: AbortSignal,
): Promise<DataOutcome> {
  const startedAt = performance.now();
  const actual = await work.sourceOf(saved.kind).fingerprint(saved, destination, {
    ...contextOf(work, saved, signal),
    saved: await treeOf(work, saved, signal),
  });
  return {
    name: saved.name,
    kind: saved.kind,
    ...compareFingerprints(saved.fingerprint, actual),
    durationMs: Math.round(performance.now() - startedAt),
  };
}

function contextOf(work: HostWork, source: SavedSource, signal: AbortSignal) {
  const { folder, environment } = work.saved.app;
  return { name: source.name, folder, environment, emit: emitFor(work, source), signal };
}

function treeOf(work: HostWork, source: SavedSource, signal: AbortSignal) {
  const options = { emit: emitFor(work, source), signal };
  return savedTree(work.repository, work.saved.snapshot.tree, source.path, options);
}

const emitFor = ({ emit }: HostWork, { name, sizeBytes }: SavedSource): Emit =>
  withTotal(forSource(emit, name), sizeBytes);

/** Holds secrets, but for its `changes`. */
export function environmentOf(work: HostWork): DeployedEnvironment {
  const { saved, places, plan } = work;
  const databases = new Map(
    [...work.served].map(([name, served]) => [name, placeOf(served, secretsOf(work, name))] as const),
  );
  const ports = Object.fromEntries(
    Object.entries(hostOfWork(work).ports).map(([name, port]) => [name, String(port)]),
  );
  return deployedEnvironment(saved.app, moveOf(places, databases), ports, plan.deployment);
}

/** Passwords of the deployment's databases: not to be shown, whatever a program writes. */
export function secretsToHide(work: HostWork): string[] {
  return [...work.served].map(([name, served]) => placeOf(served, secretsOf(work, name)).password);
}
