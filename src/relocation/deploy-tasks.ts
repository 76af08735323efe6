import { RelocateError } from '../errors.ts';
import { hostOfWork, provisionStack, type DeployWork } from './deploy-work.ts';
import type { Part } from './host-steps.ts';
import { frontDoorName, startNames, stepIds } from './plan.ts';
import { enclosing, type DataPlace } from './places.ts';
import { comparedFromJournal, type Steps } from './results.ts';
import type { Task } from './run-steps.ts';
import { stepsOf } from './steps-of-host.ts';
import type { Phase, VerifyResult } from './types.ts';
import { verifyResult } from './verify.ts';
import { checkOutside, isOpenToTheWorld } from './check-outside.ts';

/** How each step of the plan is done, and what it waits for. Keyed by step IDs; the plan gives their order. */
export function deployTasks(work: DeployWork, steps: Steps): Task[] {
  const doers = new Map<string, Omit<Task, 'step'>>([
    [stepIds.preflight, { after: [], whenDone: 'keep', run: async () => null }],
    [stepIds.provision, { after: [], whenDone: 'again', run: (signal) => provisionStack(work, signal) }],
    ...codeDoers(work),
    ...imageDoers(work),
    ...work.places.data.flatMap((place) => dataDoers(work, place)),
    ...[...startNames(work.saved.app), frontDoorName].map((name) => startDoer(work, name)),
    [stepIds.verify, { after: [], whenDone: 'again', run: (signal) => verify(work, steps, signal) }],
  ]);
  return work.plan.steps.map((step) => {
    const doer = doers.get(step.id);
    if (doer === undefined)
      throw new RelocateError('internal', `Nobody knows how to do the step ${step.id}.`);
    return { step, ...doer };
  });
}

export function tasksOf(phase: Phase, tasks: readonly Task[]): Task[] {
  return tasks.filter(({ step }) => step.phase === phase);
}

type Doer = [id: string, doer: Omit<Task, 'step'>];

function codeDoers(work: DeployWork): Doer[] {
  const { code } = work.saved.manifest;
  const place = work.places.code;
  if (code === undefined || place === undefined) return [];
  return restoreDoers(
    work,
    { kind: 'code' },
    {
      restore: stepIds.restoreCode,
      compare: stepIds.compareCode,
      after: [],
    },
  );
}

function imageDoers(work: DeployWork): Doer[] {
  const { images } = work.saved.manifest;
  if (images === undefined) return [];
  return restoreDoers(
    work,
    { kind: 'images' },
    {
      restore: stepIds.restoreImages,
      compare: stepIds.compareImages,
      after: [],
    },
  );
}

function dataDoers(work: DeployWork, place: DataPlace): Doer[] {
  const { name } = place;
  const doers = restoreDoers(
    work,
    { kind: 'data', name },
    {
      restore: stepIds.restore(name),
      compare: stepIds.compare(name),
      // Compared before anything is put inside of it: what was captured apart is not part of its fingerprint.
      after: enclosing(place, work.places).map((outer) =>
        outer === 'code' ? stepIds.compareCode : stepIds.compare(outer.data),
      ),
    },
  );
  if (place.kind !== 'postgres') return doers;
  const serve = {
    after: [stepIds.provision],
    whenDone: 'again' as const,
    run: async (signal: AbortSignal) => {
      const served = await stepsOf(work).serve(name, signal);
      work.served.set(name, served);
      return served;
    },
  };
  return [[stepIds.database(name), serve], ...doers];
}

function restoreDoers(
  work: DeployWork,
  part: Part,
  ids: { restore: string; compare: string; after: string[] },
): Doer[] {
  return [
    [
      ids.restore,
      { after: ids.after, whenDone: 'keep', run: (signal) => stepsOf(work).restore(part, signal) },
    ],
    [
      ids.compare,
      {
        after: [ids.restore],
        whenDone: 'keep',
        run: (signal) => stepsOf(work).compare(part, signal),
      },
    ],
  ];
}

/** One after the other, in the order of the file: the later ones may lean on the earlier ones. */
function startDoer(work: DeployWork, name: string): Doer {
  const names = [...startNames(work.saved.app), frontDoorName];
  const before = names[names.indexOf(name) - 1];
  return [
    stepIds.start(name),
    {
      after: before === undefined ? [] : [stepIds.start(before)],
      whenDone: 'again',
      run: (signal) => stepsOf(work).start(name, signal),
    },
  ];
}

async function verify(work: DeployWork, steps: Steps, signal: AbortSignal): Promise<VerifyResult> {
  const host = hostOfWork(work);
  const onHost = stepsOf(work);
  const isOpen = isOpenToTheWorld(host, work.request.exposed ?? []);
  const [inside, certificates] = await Promise.all([
    onHost.check({ patient: true }, signal),
    isOpen ? onHost.certificates(signal) : [],
  ]);
  const { emit, saved } = work;
  const outside = isOpen ? await checkOutside(host, saved.app, certificates, { emit, signal }) : [];
  const checks = [...inside, ...outside];
  work.verified = verifyResult(checks, comparedFromJournal(work.plan, steps));
  return work.verified;
}
