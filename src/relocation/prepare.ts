import type { DeployRequest, Finding, Target } from '../../stacks/target.ts';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { findComposeObstacle } from '../hosts/compose.ts';
import { runLocally } from '../hosts/local.ts';
import type { Repository } from '../repository/repository.ts';
import type { StoredSnapshot } from '../repository/types.ts';
import { architecturesOf } from '../sources/images.ts';
import type { Source } from '../sources/source.ts';
import { majorVersion } from './databases.ts';
import { deploymentNames } from './deployments.ts';
import type { DeployWork } from './deploy-work.ts';
import type { HandedRepository } from './handover.ts';
import { readHistory } from './history.ts';
import { deploymentLayout, deploymentName, stateLayout } from './layout.ts';
import { exposedPortsOf, needsOf } from './needs.ts';
import { findPlaces } from './places.ts';
import { makePlan, restoredBytes } from './plan.ts';
import { findPulumi } from './pulumi-cli.ts';
import { readSavedApp, type OptionSchemas, type SavedApp } from './saved-app.ts';
import { partialTag, wholeSnapshotsOf } from './snapshot.ts';
import type { Plan } from './types.ts';

/** What is asked for: which snapshot, where to, and what the program knows of sources and targets. */
export interface DeployInput {
  repository: Repository;
  /** `latest`, or an unambiguous beginning of an ID. */
  snapshot: string;
  /** Whose latest snapshot is meant; not needed for a repository of one app. */
  app?: string | undefined;
  target: Target;
  /** Parsed by the target's schema; undefined: as the snapshot's relocate.yaml says, else the defaults. */
  targetOptions?: unknown;
  stateFolder: string;
  sourceOf: (kind: string) => Source;
  schemas: OptionSchemas;
  now: Date;
  /** For hosts that do their work themselves; the best first. */
  handover?: readonly HandedRepository[] | undefined;
}

/** What a deploy would do, ready to be done. Nothing has happened yet. */
export type PreparedDeploy = Pick<
  DeployWork,
  'plan' | 'folder' | 'saved' | 'places' | 'target' | 'options' | 'request'
>;

/** Throws `snapshot-missing`, `snapshot-hostile`, `config-invalid`, `usage`. */
export async function prepareDeploy(input: DeployInput): Promise<PreparedDeploy> {
  const saved = await readSavedApp(input.repository, await chooseSnapshot(input), input.schemas);
  const taken = new Set(await deploymentNames(input.stateFolder));
  const deployment = deploymentName(saved.app.name, input.target.name, input.now, taken);
  return prepareWith(input, saved, deployment, undefined);
}

/** `plan`: the one that was begun. */
export async function prepareResume(input: DeployInput, plan: Plan): Promise<PreparedDeploy> {
  const snapshot = await input.repository.findSnapshot(plan.snapshot.id);
  const saved = await readSavedApp(input.repository, snapshot, input.schemas);
  return prepareWith(input, saved, plan.deployment, plan);
}

async function prepareWith(
  input: DeployInput,
  saved: SavedApp,
  deployment: string,
  begun: Plan | undefined,
): Promise<PreparedDeploy> {
  assertWhole(saved);
  const { target, stateFolder, now } = input;
  const options = input.targetOptions ?? defaultOptions(target, saved);
  const folder = stateLayout.deployment(stateFolder, deployment);
  const hostFolder =
    begun?.folder ?? target.folderFor?.(options, deployment) ?? deploymentLayout.host(folder);
  const history = await readHistory(stateLayout.history(stateFolder));
  const { manifest, app, snapshot } = saved;
  const plan =
    begun ??
    makePlan({
      manifest,
      app,
      snapshot,
      target: target.name,
      deployment,
      folder: hostFolder,
      frontDoor: target.opensPorts === true,
      history,
      now,
    });
  const places = findPlaces(app, hostFolder);
  return { plan, folder, saved, places, target, options, request: requestOf(saved, deployment, hostFolder) };
}

async function chooseSnapshot({ repository, snapshot, app }: DeployInput): Promise<StoredSnapshot> {
  if (snapshot !== 'latest') return repository.findSnapshot(snapshot);
  const name = app ?? (await onlyApp(repository));
  try {
    return await repository.findSnapshot('latest', wholeSnapshotsOf(name));
  } catch (error) {
    if (!(error instanceof RelocateError) || error.code !== 'snapshot-missing') throw error;
    throw new RelocateError('snapshot-missing', `The repository holds no whole snapshot of ${name}.`, {
      facts: { app: name, repository: repository.url },
      hint: 'See what it holds with: relocate snapshots',
    });
  }
}

async function onlyApp(repository: Repository): Promise<string> {
  const snapshots = await repository.snapshots({ tags: ['relocate'] });
  const tags = snapshots.flatMap((snapshot) => snapshot.tags ?? []);
  const names = [
    ...new Set(tags.filter((tag) => tag.startsWith('app=')).map((tag) => tag.slice('app='.length))),
  ];
  const [name] = names;
  if (names.length === 1 && name !== undefined) return name;
  if (name === undefined) {
    throw new RelocateError('snapshot-missing', 'The repository holds no snapshot of an app.', {
      facts: { repository: repository.url },
      hint: 'Take one with: relocate snapshot',
    });
  }
  throw new RelocateError('usage', `The repository holds several apps: ${names.join(', ')}.`, {
    hint: 'Name a snapshot of the one you mean with --snapshot ID; “relocate snapshots” lists them.',
  });
}

/**
 * An app whose snapshot lacks some of its data would go on writing to the old place. And the manifest comes from
 * outside: names that relocate.yaml does not have lead nowhere that was checked.
 */
function assertWhole({ snapshot, manifest, app }: SavedApp): void {
  const saved = new Map(manifest.sources.map(({ name, kind }) => [name, kind]));
  const wanted = new Map(app.data.map(({ name, kind }) => [name, kind]));
  const lacking = [...wanted.keys()].filter((name) => !saved.has(name));
  if (app.code !== undefined && manifest.code === undefined) lacking.push('code');
  if (lacking.length > 0 || snapshot.tags?.includes(partialTag) === true) {
    throw new RelocateError(
      'snapshot-missing',
      `Snapshot ${snapshot.id.slice(0, 8)} holds only a part of ${app.name}.`,
      {
        facts: { snapshot: snapshot.id, lacking: lacking.join(', ') },
        hint: 'Choose a whole one from “relocate snapshots”. Its files can be had with: relocate restore ID --target DIR',
      },
    );
  }
  const strange = [...saved].find(([name, kind]) => wanted.get(name) !== kind);
  if (strange !== undefined || manifest.app !== app.name) {
    throw new RelocateError(
      'snapshot-hostile',
      'The snapshot’s manifest and its relocate.yaml contradict each other.',
      {
        facts: { snapshot: snapshot.id, data: strange?.[0] },
      },
    );
  }
}

function defaultOptions(target: Target, { app }: SavedApp): unknown {
  const chosen = app.targets.find(({ name }) => name === target.name);
  if (chosen !== undefined) return chosen.options;
  const parsed = target.options.safeParse({});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RelocateError('usage', `The target ${target.name} needs options that nobody gave.`, {
    facts: { option: issue?.path.join('.'), problem: issue?.message },
    hint: 'Write it with its options under “targets:” in relocate.yaml.',
  });
}

function requestOf({ app, manifest }: SavedApp, deployment: string, folder: string): DeployRequest {
  const databases = manifest.sources.filter(({ kind }) => kind === 'postgres');
  return {
    app: app.name,
    deployment,
    folder,
    services: app.services && {
      kind: app.services.kind,
      names: app.services.services.map(({ name }) => name),
    },
    databases: databases.map((saved) => ({
      name: saved.name,
      kind: saved.kind,
      majorVersion: majorVersion(saved),
      sizeBytes: saved.sizeBytes,
    })),
    sizeBytes: restoredBytes(manifest),
    needs: needsOf(app, databases, manifest.images === undefined ? [] : architecturesOf(manifest.images)),
    exposed: exposedPortsOf(app),
    protectData: true,
  };
}

/** Asks whether the deploy could work now, and changes nothing. Throws `preflight-failed`, `tool-missing`. */
export async function preflight(
  prepared: PreparedDeploy,
  tools: { emit: Emit; signal: AbortSignal },
): Promise<Finding[]> {
  const findings = await preflightFindings(prepared, tools);
  const refusal = refusalOf(findings);
  if (refusal === undefined) return findings;
  const refused = findings.filter(({ level }) => level === 'refused');
  throw new RelocateError('preflight-failed', refusal, {
    facts: { target: prepared.target.name, codes: refused.map(({ code }) => code).join(', ') },
    hint: `Nothing was made. ${refused.flatMap(({ hint }) => hint ?? []).join(' ')}`.trim(),
  });
}

/** Pure: why a target cannot take it; undefined where it can. */
export function refusalOf(findings: readonly Finding[]): string | undefined {
  const refused = findings.filter(({ level }) => level === 'refused');
  return refused.length === 0 ? undefined : refused.map(({ message }) => message).join('; ');
}

/** The same, with refusals among the findings. Throws `tool-missing` where Pulumi is. */
export async function preflightFindings(
  { target, options, request }: PreparedDeploy,
  { emit, signal }: { emit: Emit; signal: AbortSignal },
): Promise<Finding[]> {
  await findPulumi();
  if (request.services?.kind === 'compose' && target.isThisMachine === true) {
    const obstacle = await findComposeObstacle({ run: runLocally }, signal);
    if (obstacle !== undefined) throw obstacle;
  }
  const findings = await target.preflight(options, request, signal);
  for (const { level, code, message } of findings) {
    if (level === 'warning') emit({ type: 'warning', code, message });
  }
  return findings;
}
