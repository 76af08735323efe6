import type { FoundResource, Labelled, Target } from '../../stacks/target.ts';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { withDeployLock } from './app-lock.ts';
import { deploymentNames, forgetDeployment, readPlan } from './deployments.ts';
import { keepReports, refuseWhileNamesLead, requestOf } from './destroy.ts';

export interface AdoptPlace {
  target: Target;
  /** Parsed by the target's schema. */
  options: unknown;
  stateFolder: string;
}

interface Tools {
  emit: Emit;
  signal: AbortSignal;
}

type Resource = Pick<FoundResource, 'kind' | 'name' | 'id'>;

export interface Adoptable {
  deployments: {
    deployment: string;
    /** Whether this machine has its plan: then `destroy` without --adopt is the better way. */
    isKnown: boolean;
    resources: Resource[];
  }[];
}

export interface Adopted {
  deployment: string;
  removed: Resource[];
}

/** What there is of an app at a provider, by the labels alone. Changes nothing. Throws `usage`, `provision-failed`. */
export async function listAdoptable(
  place: AdoptPlace & { app: string },
  { signal }: Tools,
): Promise<Adoptable> {
  const found = await inventoryOf(place, { app: place.app }, signal);
  const known = new Set(await deploymentNames(place.stateFolder));
  const byDeployment = Map.groupBy(found, ({ deployment }) => deployment);
  return {
    deployments: [...byDeployment].map(([deployment, resources]) => ({
      deployment,
      isKnown: known.has(deployment),
      resources: resources.map(shown),
    })),
  };
}

/**
 * Removes all of one deployment at a provider, found by its label: for a state that is lost, or whose passphrase nobody
 * knows. What this machine knows of it goes as well. Idempotent as long as something is left.
 * Throws `usage`, `deployment-missing`, `deployment-busy`, `provision-failed`.
 */
export async function destroyAdopted(
  place: AdoptPlace & { deployment: string; force: boolean },
  { emit, signal }: Tools,
): Promise<Adopted> {
  const { target, options, stateFolder, deployment, force } = place;
  const look = () => inventoryOf(place, { deployment: place.deployment }, signal);
  const found = await look();
  const [first] = found;
  if (first === undefined) {
    throw new RelocateError(
      'deployment-missing',
      `At ${target.name} nothing carries the label ${deployment}.`,
      {
        facts: { deployment, target: target.name },
        hint: `See what there is with: relocate destroy --adopt --to ${target.name}`,
      },
    );
  }
  const { app } = first;
  if (!force) await refuseWhileNamesLead(stateFolder, [{ name: deployment, app }]);
  await withDeployLock({ stateFolder, app, target: target.name }, async () => {
    emit({
      type: 'phase-start',
      phase: 'destroy',
      title: `removing ${found.length} things of ${deployment}`,
    });
    const startedAt = performance.now();
    await target.sweep(options, requestOf({ app, deployment, folder: '/' }), signal);
    const left = await look();
    if (left.length > 0) throw notGone(left, target.name, deployment);
    await forget(stateFolder, deployment);
    const durationMs = Math.round(performance.now() - startedAt);
    emit({ type: 'phase-end', phase: 'destroy', durationMs, outcome: 'done' });
  });
  return { deployment, removed: found.map(shown) };
}

async function forget(stateFolder: string, deployment: string): Promise<void> {
  if (!(await deploymentNames(stateFolder)).includes(deployment)) return;
  const { plan, folder } = await readPlan(stateFolder, deployment);
  await keepReports({ name: deployment, folder }, stateFolder);
  await forgetDeployment(stateFolder, plan);
}

async function inventoryOf(
  { target, options }: AdoptPlace,
  which: Labelled,
  signal: AbortSignal,
): Promise<FoundResource[]> {
  const found = await target.inventory?.(options, which, signal);
  if (found !== undefined) return found;
  throw new RelocateError('usage', `At ${target.name} there is nothing that carries labels.`, {
    hint: 'Only what is made at a provider can be found by its labels. Without --adopt, destroy removes what deploys made.',
  });
}

function notGone(left: readonly FoundResource[], target: string, deployment: string): RelocateError {
  const names = left.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  return new RelocateError('provision-failed', `At ${target} this is still there: ${names}.`, {
    facts: { deployment, left: left.length },
    hint: 'It may be billed. The same command tries again.',
  });
}

const shown = ({ kind, name, id }: FoundResource): Resource => ({ kind, name, id });
