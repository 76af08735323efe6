import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { RelocateError, type ErrorCode } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import { askCandidates, type Candidate } from './candidates.ts';
import { deploy, type DeployOptions } from './deploy.ts';
import { readDeployments, type Deployment } from './deployments.ts';
import { destroy } from './destroy.ts';
import { writeDurably } from './durable-file.ts';
import { deploymentLayout } from './layout.ts';
import { stepIds } from './plan.ts';
import type { DeployReport } from './types.ts';

/** One target, and what came of it. */
export interface Attempt {
  target: string;
  outcome: 'took it' | 'refused' | 'failed' | 'not asked';
  /** Absent where nothing was made. */
  deployment?: string;
  reason?: string;
  /** What could not be removed there, why, and the command that tries it again. */
  leftBehind?: { deployment: string; reason: string; command: string };
}

export interface FallbackResult {
  report: DeployReport;
  /** In the order of the targets. */
  attempts: Attempt[];
}

interface Tools {
  emit: Emit;
  signal: AbortSignal;
}

/** What no other target would mend. Anything else is taken for the target's own trouble. */
const everywhere: readonly ErrorCode[] = [
  'usage',
  'config-invalid',
  'config-missing',
  'repository-missing',
  'repository-locked',
  'repository-damaged',
  'repository-unsupported',
  'wrong-password',
  'lock-lost',
  'storage-failed',
  'snapshot-missing',
  'snapshot-hostile',
  'deployment-busy',
  'deployment-unfinished',
  'deployment-damaged',
  'interrupted',
];

/**
 * Deploys to the first target that can take the app. All are asked at once; then one after the other is tried, in their
 * order. One that refuses, fails, or brings up an app whose checks fail is cleaned up while the next one works; before
 * that, where it may serve already: while it may still serve, no other is begun. With `resume`, goes on where it was interrupted. Throws `no-target` where none could, what no
 * other target would mend, and `interrupted`.
 */
export async function deployToFirst(
  inputs: readonly DeployOptions[],
  { emit, signal }: Tools,
): Promise<FallbackResult> {
  const resume = inputs.some((input) => input.resume === true);
  const begun = resume ? await findBegun(inputs) : { unfinished: undefined, refused: [] };
  const candidates = await askCandidates(inputs, signal);
  for (const candidate of candidates) emit({ type: 'note', message: wordsOf(candidate) });
  const cleanUp = (input: DeployOptions, deployment: Deployment): Cleaning => {
    const options = candidates.find(({ target }) => target === input.target.name)?.options;
    return removeAll({ ...input, targetOptions: options }, deployment, emit, signal);
  };
  const earlier = begun.refused.map(({ input, deployment }) => ({
    removal: cleanUp(input, deployment),
    deployment,
  }));
  const cleaning = earlier.map(({ removal }) => removal);
  /** Two that serve would both take what people write: none is begun before the other is known to be gone. */
  let mayStillServe: string | undefined;
  const waitUntilGone = async ({ target, done }: Cleaning, deployment: Deployment) => {
    if (mayServe(deployment) && (await done) !== undefined) mayStillServe ??= target;
  };
  const attempts = new Map<string, Attempt>(
    begun.refused.map(({ input: { target }, deployment: { name }, reason }) => [
      target.name,
      { target: target.name, outcome: 'failed', deployment: name, reason },
    ]),
  );
  let report: DeployReport | undefined;
  try {
    for (const { removal, deployment } of earlier) await waitUntilGone(removal, deployment);
    for (const input of inputs) {
      const target = input.target.name;
      if (attempts.has(target)) continue;
      if (report !== undefined || mayStillServe !== undefined) {
        attempts.set(target, { target, outcome: 'not asked' });
        continue;
      }
      const isBegun = begun.unfinished?.plan.target === target;
      const refusal = candidates.find((one) => one.target === target)?.refusal;
      if (refusal !== undefined && !isBegun) {
        attempts.set(target, { target, outcome: 'refused', reason: refusal });
        continue;
      }
      const tried = await tryOne({ ...input, resume: isBegun }, { emit, signal });
      attempts.set(target, tried.attempt);
      report = tried.report;
      if (tried.made === undefined) continue;
      const removal = cleanUp(input, tried.made);
      cleaning.push(removal);
      await waitUntilGone(removal, tried.made);
    }
  } finally {
    for (const { target, done } of cleaning) {
      const leftBehind = await done;
      const attempt = attempts.get(target);
      if (attempt !== undefined && leftBehind !== undefined) attempt.leftBehind = leftBehind;
    }
  }
  const inOrder = inputs.flatMap(({ target }) => attempts.get(target.name) ?? []);
  if (report === undefined) throw noTarget(inOrder, mayStillServe);
  return { report, attempts: inOrder };
}

interface Tried {
  attempt: Attempt;
  /** Set where the app is there to stay. */
  report?: DeployReport;
  /** Set where there is something to be cleaned up. */
  made?: Deployment;
}

async function tryOne(input: DeployOptions, { emit, signal }: Tools): Promise<Tried> {
  const { stateFolder, app, resume } = input;
  const target = input.target.name;
  const before = await readDeployments(stateFolder, { app, target });
  // An earlier deploy that came to its end is somebody's running app: never to be taken for what failed now.
  const kept = new Set(
    before.filter(({ unfinished }) => resume !== true || !unfinished).map(({ name }) => name),
  );
  let reason: string;
  try {
    const report = await deploy(input, { emit, signal });
    const { deployment, outcome } = report;
    if (outcome !== 'failed') return { report, attempt: { target, outcome: 'took it', deployment } };
    const failed = (report.checks ?? []).filter((check) => check.outcome === 'failed');
    reason = `the app came up, but not as it should be: ${failed.map(({ title }) => title).join(', ')}`;
  } catch (error) {
    if (!(error instanceof RelocateError) || everywhere.includes(error.code)) throw error;
    reason = error.message;
  }
  emit({ type: 'warning', code: 'target-refused', message: `${target} could not take it: ${reason}` });
  const made = (await readDeployments(stateFolder, { app, target })).find(({ name }) => !kept.has(name));
  if (made === undefined) return { attempt: { target, outcome: 'refused', reason } };
  // Written down first: who goes on after a crash must know which one was given up.
  const path = deploymentLayout.refused(made.folder);
  await writeDurably(path, `${JSON.stringify({ refusedVersion: 1, reason }, null, 2)}\n`);
  return { made, attempt: { target, outcome: 'failed', deployment: made.name, reason } };
}

/** Whether one of its services may serve. */
function mayServe({ steps }: Deployment): boolean {
  return [...steps.keys()].some((step) => step.startsWith(stepIds.start('')));
}

interface Cleaning {
  target: string;
  /** Never rejects. */
  done: Promise<Attempt['leftBehind']>;
}

/** Side by side with the next deploy, and told only when it has ended. */
function removeAll(
  { repository, stateFolder, target, targetOptions }: DeployOptions,
  { name }: Pick<Deployment, 'name'>,
  emit: Emit,
  signal: AbortSignal,
): Cleaning {
  const remove = async (): Promise<Attempt['leftBehind']> => {
    try {
      await destroy(
        {
          stateFolder,
          which: { deployment: name },
          openRepository: async () => repository,
          targetOf: () => target,
          targetOptions: () => targetOptions,
        },
        { emit: silent, signal },
      );
      emit({ type: 'note', message: `${target.name}: what had been made there is removed` });
      return undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const command = `relocate destroy --deployment ${name}`;
      emit({
        type: 'warning',
        code: 'left-behind',
        message: `${target.name}: not all that was made there could be removed: ${reason} Try it later: ${command}`,
      });
      return { deployment: name, reason, command };
    }
  };
  return { target: target.name, done: remove() };
}

interface Begun {
  unfinished: Deployment | undefined;
  refused: { input: DeployOptions; deployment: Deployment; reason: string }[];
}

const refusedFile = z.object({ refusedVersion: z.literal(1), reason: z.string() });

/** What an interrupted run of the same targets has left: at most one to go on with, and those that it gave up. */
async function findBegun(inputs: readonly DeployOptions[]): Promise<Begun> {
  const begun: Begun = { unfinished: undefined, refused: [] };
  for (const input of inputs) {
    const only = { app: input.app, target: input.target.name };
    for (const deployment of await readDeployments(input.stateFolder, only)) {
      const reason = await refusalIn(deployment.folder);
      if (reason !== undefined) begun.refused.push({ input, deployment, reason });
      else if (deployment.unfinished) begun.unfinished = deployment;
    }
  }
  if (begun.unfinished !== undefined || begun.refused.length > 0) return begun;
  const names = inputs.map(({ target }) => target.name).join(',');
  throw new RelocateError('deployment-missing', 'There is no deploy to one of these targets to go on with.', {
    facts: { targets: names },
    hint: `Begin one with: relocate deploy --to ${names}`,
  });
}

async function refusalIn(folder: string): Promise<string | undefined> {
  const text = await readFile(deploymentLayout.refused(folder), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : refusedFile.parse(JSON.parse(text)).reason;
}

function wordsOf({ target, refusal, price, roundTripMs }: Candidate): string {
  if (refusal !== undefined) return `${target}: refuses: ${refusal}`;
  const facts = [
    ...(price === undefined ? [] : [`${price.perMonth.toFixed(2)} ${price.currency} a month`]),
    ...(roundTripMs === undefined ? [] : [`${Math.round(roundTripMs)} ms away`]),
  ];
  return [`${target}: can take it`, ...facts].join(', ');
}

function noTarget(attempts: readonly Attempt[], mayStillServe: string | undefined): RelocateError {
  const left = attempts.flatMap(({ leftBehind }) => leftBehind?.command ?? []);
  const asked = attempts.filter(({ outcome }) => outcome !== 'not asked');
  const reasons = asked.map(({ target, reason }) => `${target}: ${reason}`).join(' · ');
  if (mayStillServe !== undefined) {
    return new RelocateError(
      'no-target',
      `${mayStillServe} may still serve, and no other was begun. ${reasons}`,
      {
        facts: Object.fromEntries(asked.map(({ target, reason }) => [target, reason])),
        hint: `The repository is not touched. Remove what is left, which may be billed, with: ${left.join(' · ')}; then deploy again. Where you know that nothing serves there, deploy to another target at once.`,
      },
    );
  }
  return new RelocateError('no-target', `No target could take it. ${reasons}`, {
    facts: Object.fromEntries(asked.map(({ target, reason }) => [target, reason])),
    hint:
      left.length === 0
        ? 'Nothing is left at any of them; the repository is not touched. Name others with --to, or mend what they say and deploy again.'
        : `The repository is not touched. Something is left and may be billed; remove it with: ${left.join(' · ')}`,
  });
}
