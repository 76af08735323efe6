import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import { syncFolder } from './durable-file.ts';
import {
  encodeEntries,
  encodeHeader,
  readJournal,
  stepStates,
  type JournalEntry,
  type JournalHeader,
  type StepState,
} from './journal.ts';
import { deploymentLayout, stateLayout } from './layout.ts';
import { stepIds } from './plan.ts';
import type { Plan } from './types.ts';

/** A deployment as its folder tells of it. */
export interface Deployment {
  name: string;
  folder: string;
  plan: Plan;
  header: JournalHeader;
  steps: Map<string, StepState>;
  /** A deploy ended before it had verified. */
  unfinished: boolean;
}

const planSchema = z.object({
  planVersion: z.literal(1),
  app: z.string(),
  target: z.string(),
  deployment: z.string(),
  folder: z.string(),
  snapshot: z.object({ id: z.string(), time: z.string(), sizeBytes: z.number(), ageMs: z.number() }),
  steps: z.array(
    z.object({
      id: z.string(),
      phase: z.enum(['preflight', 'provision', 'restore', 'start', 'verify']),
      title: z.string(),
      sizeBytes: z.number().exactOptional(),
      expectedMs: z.number().exactOptional(),
    }),
  ),
  environment: z.array(
    z.object({
      name: z.string(),
      before: z.string().optional(),
      after: z.string(),
    }),
  ),
  expectedMs: z.number().optional(),
  composeFile: z.string().startsWith('/').exactOptional(),
});

/**
 * Makes a deployment's folder with plan and journal, whole or not at all: a run that is killed before this is done has
 * left nothing that looks like a deployment.
 */
export async function createDeployment(
  stateFolder: string,
  plan: Plan,
  repository: JournalHeader['repository'],
  startedAt: Date,
  entries: readonly JournalEntry[],
  /** Text of keys.json. */
  keys?: string,
): Promise<string> {
  const parent = stateLayout.deployments(stateFolder);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeRemains(parent, plan);
  const draft = join(parent, `.${plan.deployment}.new`);
  await mkdir(draft, { mode: 0o700 });
  const text = `${JSON.stringify(plan, null, 2)}\n`;
  const header: JournalHeader = {
    type: 'header',
    journalVersion: 1,
    deployment: plan.deployment,
    planDigest: digestOf(text),
    repository,
    startedAt: startedAt.toISOString(),
  };
  await writeFile(deploymentLayout.plan(draft), text, { mode: 0o600, flush: true });
  await writeFile(deploymentLayout.journal(draft), encodeHeader(header) + encodeEntries(entries), {
    mode: 0o600,
    flush: true,
  });
  if (keys !== undefined) await writeFile(deploymentLayout.keys(draft), keys, { mode: 0o600, flush: true });
  await syncFolder(draft);
  const folder = stateLayout.deployment(stateFolder, plan.deployment);
  await rename(draft, folder);
  await syncFolder(parent);
  return folder;
}

/** Removes a deployment's folder: from one moment to the next there is no such deployment any more. */
export async function forgetDeployment(stateFolder: string, plan: Plan): Promise<void> {
  const parent = stateLayout.deployments(stateFolder);
  await rename(join(parent, plan.deployment), join(parent, `.${plan.deployment}.gone`));
  await removeRemains(parent, plan);
}

/** What killed runs left half made or half removed. Of one app and target: the caller holds their lock. */
export async function removeRemains(
  parent: string,
  { app, target }: Pick<Plan, 'app' | 'target'>,
): Promise<void> {
  // The whole name, because names of apps and targets hold dashes too.
  const pattern = /^\.(.+)-\d{8}t\d{6}(?:-\d+)?\.(?:new|gone)$/;
  const remains = (await readdir(parent)).filter((name) => pattern.exec(name)?.[1] === `${app}-${target}`);
  for (const name of remains) await rm(join(parent, name), { recursive: true, force: true });
}

/** Names of all deployments, also of those whose files cannot be read; oldest first. */
export async function deploymentNames(stateFolder: string): Promise<string[]> {
  const entries = await readdir(stateLayout.deployments(stateFolder), { withFileTypes: true }).catch(
    () => [],
  );
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .toSorted();
}

/** Throws `deployment-missing`, and `deployment-damaged` where plan or journal are damaged. */
export async function readDeployment(stateFolder: string, name: string): Promise<Deployment> {
  const { folder, plan, digest } = await readPlan(stateFolder, name);
  const { header, entries } = await readJournal(deploymentLayout.journal(folder));
  if (digest !== header.planDigest) throw damagedPlan(name, folder);
  const steps = stepStates(entries);
  return { name, folder, plan, header, steps, unfinished: steps.get(stepIds.verify)?.state !== 'done' };
}

/** The plan alone, which is enough to destroy by. Throws `deployment-missing`, and `deployment-damaged` where it is damaged. */
export async function readPlan(
  stateFolder: string,
  name: string,
): Promise<{ folder: string; plan: Plan; digest: string }> {
  const folder = stateLayout.deployment(stateFolder, name);
  const isName = name !== '' && !name.startsWith('.') && basename(name) === name;
  if (!isName || !(await isThere(folder))) throw missing(name);
  const text = await readFile(deploymentLayout.plan(folder), 'utf8').catch(() => '');
  const plan = parsePlan(text);
  if (plan === undefined) throw damagedPlan(name, folder);
  return { folder, plan, digest: digestOf(text) };
}

function damagedPlan(name: string, folder: string): RelocateError {
  return new RelocateError('deployment-damaged', `The plan of ${name} is damaged.`, {
    facts: { deployment: name, folder },
    hint: `Stop what runs in ${folder}, then remove that folder. The repository is not touched.`,
  });
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function parsePlan(text: string): Plan | undefined {
  try {
    const { data } = planSchema.safeParse(JSON.parse(text));
    if (data === undefined) return undefined;
    const environment = data.environment.map(({ name, before, after }) => ({ name, before, after }));
    return { ...data, environment, expectedMs: data.expectedMs };
  } catch {
    return undefined;
  }
}

/** Deployments that can be read, oldest first. */
export async function readDeployments(
  stateFolder: string,
  only: { app?: string | undefined; target?: string | undefined } = {},
): Promise<Deployment[]> {
  const names = await deploymentNames(stateFolder);
  const read = await Promise.all(
    names.map((name) => readDeployment(stateFolder, name).catch(() => undefined)),
  );
  return read
    .filter((one) => one !== undefined)
    .filter(({ plan }) => (only.app ?? plan.app) === plan.app && (only.target ?? plan.target) === plan.target)
    .toSorted((a, b) => Date.parse(a.header.startedAt) - Date.parse(b.header.startedAt));
}

/** Why the newest deployment of this app and target that cannot be read cannot. */
export async function damageOf(
  stateFolder: string,
  { app, target }: { app?: string | undefined; target: string },
): Promise<RelocateError | undefined> {
  for (const name of (await deploymentNames(stateFolder)).toReversed()) {
    // The name alone is sure to be there.
    const appAndTarget = name.replace(/-\d{8}t\d{6}(?:-\d+)?$/, '');
    const isMeant =
      app === undefined ? appAndTarget.endsWith(`-${target}`) : appAndTarget === `${app}-${target}`;
    if (!isMeant) continue;
    const error = await readDeployment(stateFolder, name).catch((error: unknown) => error);
    if (error instanceof RelocateError && error.code === 'deployment-damaged') return error;
  }
  return undefined;
}

export function missing(name: string): RelocateError {
  return new RelocateError('deployment-missing', `There is no deployment ${name}.`, {
    facts: { deployment: name },
    hint: 'See which there are with: relocate status',
  });
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
