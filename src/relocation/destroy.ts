import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeployRequest, Target } from '../../stacks/target.ts';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { HostOutput } from '../hosts/host.ts';
import type { Repository } from '../repository/repository.ts';
import { withDeployLock } from './app-lock.ts';
import { stackPassphrase } from './deploy-work.ts';
import { lastCutover, readCutovers } from './cutover-record.ts';
import { findSecrets, type DeriveSecret } from './deployment-keys.ts';
import { deploymentNames, forgetDeployment, missing, readPlan } from './deployments.ts';
import { dropDatabase } from './drop-databases.ts';
import { readJournal, stepStates } from './journal.ts';
import { deploymentLayout, stateLayout } from './layout.ts';
import { destroyStack, readOutputs, stackExists, type StackRequest } from './pulumi.ts';
import { hostFromJournal } from './results.ts';
import { stopOnHost } from './stop-remote.ts';
import { clustersOutside, namesOf, removeCluster, stopServices } from './stop-services.ts';
import type { Plan } from './types.ts';

export interface DestroyInput {
  stateFolder: string;
  which: { deployment: string } | { target: string; app?: string | undefined } | 'all';
  /**
   * Its key decrypts the state of a deployment's stack. Not called where there is no stack; called at most once, and
   * closed by the caller.
   */
  openRepository: () => Promise<Repository>;
  /** Also a deployment that the app's names were moved to. */
  force?: boolean;
  targetOf: (name: string) => Target;
  /** Options parsed by the target's schema; undefined: the defaults. */
  targetOptions?: (target: string) => unknown;
}

export interface DestroyResult {
  destroyed: { deployment: string; app: string; target: string; durationMs: number }[];
}

interface Tools {
  emit: Emit;
  signal: AbortSignal;
}

interface Doomed {
  name: string;
  folder: string;
  plan: Plan;
}

/**
 * Removes all that deploys made: services, data, the stack and what it holds at the provider, the folder. Also after a
 * crash at any step, and running it again goes on where it stopped. Reports are kept in `reports/`. Without the
 * repository, all that lies on this machine goes nevertheless, and the error says what remains.
 * Throws `deployment-missing`, `deployment-busy`, `wrong-password` and the like, `provision-failed`, `interrupted`.
 */
export async function destroy(input: DestroyInput, tools: Tools): Promise<DestroyResult> {
  const doomed = await choose(input);
  if (input.force !== true) {
    const apps = doomed.map(({ name, plan: { app } }) => ({ name, app }));
    await refuseWhileNamesLead(input.stateFolder, apps);
  }
  const result: DestroyResult = { destroyed: [] };
  let failure: { error: unknown } | undefined;
  for (const one of doomed) {
    tools.signal.throwIfAborted();
    const startedAt = performance.now();
    const { app, target } = one.plan;
    tools.emit({ type: 'phase-start', phase: 'destroy', title: `destroying ${one.name}` });
    const end = (outcome: 'done' | 'failed') => {
      const durationMs = Math.round(performance.now() - startedAt);
      tools.emit({ type: 'phase-end', phase: 'destroy', durationMs, outcome });
      return durationMs;
    };
    try {
      const { stateFolder } = input;
      await withDeployLock({ stateFolder, app, target }, () => destroyOne(one, input, tools));
      result.destroyed.push({ deployment: one.name, app, target, durationMs: end('done') });
    } catch (error) {
      end('failed');
      failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
  return result;
}

/** The app would be gone for everybody, at once. */
export async function refuseWhileNamesLead(
  stateFolder: string,
  doomed: readonly { name: string; app: string }[],
): Promise<void> {
  for (const { name, app } of doomed) {
    const last = lastCutover(await readCutovers(stateFolder, app));
    if (last?.deployment !== name) continue;
    throw new RelocateError('deployment-busy', `${last.dns.names.join(', ')} were moved to ${name}.`, {
      facts: { deployment: name, names: last.dns.names.join(' ') },
      hint: 'Nothing was destroyed. Take the names back with “relocate cutover --rollback”, or move them elsewhere; or add --force.',
    });
  }
}

async function choose({ stateFolder, which }: DestroyInput): Promise<Doomed[]> {
  const read = async (name: string): Promise<Doomed> => ({ name, ...(await readPlan(stateFolder, name)) });
  if (which !== 'all' && 'deployment' in which) return [await read(which.deployment)];
  const all = await Promise.all((await deploymentNames(stateFolder)).map(read));
  if (which === 'all') return all;
  const { target, app } = which;
  const chosen = all.filter(({ plan }) => plan.target === target && (app ?? plan.app) === plan.app);
  if (chosen.length === 0) throw missing(`to ${target}`);
  return chosen;
}

async function destroyOne(doomed: Doomed, input: DestroyInput, { emit, signal }: Tools): Promise<void> {
  const { plan, folder } = doomed;
  const target = input.targetOf(plan.target);
  const options = input.targetOptions?.(plan.target) ?? target.options.safeParse({}).data;
  const request = requestOf(plan);
  // Asked before the folder goes, because the answer depends on it.
  const clusters = await clustersOutside(plan);
  const host = await hostOf(doomed);
  if (host === undefined || host.transport.kind === 'local') await stopServices(plan, signal);
  else await stopOnHost(host, plan, { emit, signal });
  let remaining: { error: unknown } | undefined;
  if (stackExists({ stateFolder: folder, request })) {
    try {
      const deriveSecret = await openSecrets(doomed, input);
      const passphrase = stackPassphrase(deriveSecret, plan.deployment);
      const work: StackRequest = { target, options, request, stateFolder: folder, passphrase, emit, signal };
      await dropDatabases(plan, work);
      await destroyStack(work);
    } catch (error) {
      signal.throwIfAborted();
      remaining = { error };
    }
  }
  await target.sweep(options, request);
  for (const cluster of clusters) await removeCluster(cluster);
  if (remaining !== undefined) throw withRemainder(remaining.error, doomed);
  await keepReports(doomed, input.stateFolder);
  await forgetDeployment(input.stateFolder, plan);
}

/** Undefined where nothing was provisioned, or the journal is damaged: then whatever there is, is on this machine. */
async function hostOf({ folder }: Doomed): Promise<HostOutput | undefined> {
  const journal = await readJournal(deploymentLayout.journal(folder)).catch(() => undefined);
  return journal && hostFromJournal(stepStates(journal.entries));
}

/** All that destroying needs to know; the stack's program is not run for it. */
export function requestOf({
  app,
  deployment,
  folder,
}: Pick<Plan, 'app' | 'deployment' | 'folder'>): DeployRequest {
  return { app, deployment, folder, services: undefined, databases: [], sizeBytes: 0 };
}

/** Of servers that the target names; a deployment's own go with their folders. */
async function dropDatabases(plan: Plan, work: StackRequest): Promise<void> {
  const names = namesOf(plan, 'database');
  if (names.length === 0) return;
  const outputs = await readOutputs(work);
  for (const name of names) {
    const adminUrl = outputs?.databaseServers?.[name];
    if (adminUrl !== undefined) await dropDatabase(adminUrl, plan.deployment, name, work.signal);
  }
}

async function openSecrets({ folder, name }: Doomed, input: DestroyInput): Promise<DeriveSecret> {
  const repository = await input.openRepository();
  // A journal that cannot be read is a reason to destroy: the engine itself tells whether the key is the right one.
  const journal = await readJournal(deploymentLayout.journal(folder)).catch(() => undefined);
  const lead = journal?.header.repository;
  const found = await findSecrets(repository, { deployment: name, folder, leadId: lead?.id });
  if (found !== undefined) return found;
  throw new RelocateError('usage', `${name} was made from another repository: ${lead?.url ?? 'unknown'}`, {
    facts: { deployment: name, repository: lead?.url },
    hint: 'Name that one with -r.',
  });
}

function withRemainder(error: unknown, { name, folder }: Doomed): RelocateError {
  const code = error instanceof RelocateError ? error.code : 'provision-failed';
  const reason = error instanceof Error ? error.message : String(error);
  const hint = error instanceof RelocateError && error.hint !== undefined ? `${error.hint} ` : '';
  return new RelocateError(code, `${name} is destroyed only in part: ${reason}`, {
    facts: { ...(error instanceof RelocateError ? error.facts : {}), deployment: name, folder },
    hint: `${hint}Its services and data on this machine are gone; its stack remains. Run the same command again when that is mended.`,
    cause: error,
  });
}

export async function keepReports(
  { name, folder }: Pick<Doomed, 'name' | 'folder'>,
  stateFolder: string,
): Promise<void> {
  const kept = stateLayout.reports(stateFolder);
  await mkdir(kept, { recursive: true, mode: 0o700 });
  const reports = [
    [deploymentLayout.reportJson(folder), join(kept, `${name}.json`)],
    [deploymentLayout.reportHtml(folder), join(kept, `${name}.html`)],
  ] as const;
  // A deploy that never came to its end has none.
  for (const [from, to] of reports) if (existsSync(from)) await copyFile(from, to);
}
