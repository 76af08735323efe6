import { realpath } from 'node:fs/promises';
import { RelocateError } from '../errors.ts';
import type { Destination, SavedSource } from '../sources/source.ts';
import { checkSite } from './check-site.ts';
import {
  compareOne,
  destinationOfData,
  environmentOf,
  hostOfWork,
  provisionStack,
  restoreOne,
  savedOf,
  secretsToHide,
  serveOne,
  type DeployWork,
} from './deploy-work.ts';
import { startNames, stepIds } from './plan.ts';
import { imageRepository } from './layout.ts';
import { enclosing, type DataPlace } from './places.ts';
import { comparedFromJournal, type Steps } from './results.ts';
import type { Task } from './run-steps.ts';
import { checkServices, startOne, workingFolder, type DeployedApp } from './services.ts';
import type { Phase, VerifyResult } from './types.ts';
import { runChecks, verifyResult } from './verify.ts';

/** How each step of the plan is done, and what it waits for. Keyed by step IDs; the plan gives their order. */
export function deployTasks(work: DeployWork, steps: Steps): Task[] {
  const doers = new Map<string, Omit<Task, 'step'>>([
    [stepIds.preflight, { after: [], whenDone: 'keep', run: async () => null }],
    [stepIds.provision, { after: [], whenDone: 'again', run: (signal) => provisionStack(work, signal) }],
    ...codeDoers(work),
    ...imageDoers(work),
    ...work.places.data.flatMap((place) => dataDoers(work, place)),
    ...startNames(work.saved.app).map((name) => startDoer(work, name)),
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
  return restoreDoers(work, code, () => ({ kind: 'path', path: place.after }), {
    restore: stepIds.restoreCode,
    compare: stepIds.compareCode,
    after: [],
  });
}

function imageDoers(work: DeployWork): Doer[] {
  const { images } = work.saved.manifest;
  if (images === undefined) return [];
  const destination = { kind: 'engine', repository: imageRepository(work.plan.deployment) } as const;
  return restoreDoers(work, images, () => destination, {
    restore: stepIds.restoreImages,
    compare: stepIds.compareImages,
    after: [],
  });
}

function dataDoers(work: DeployWork, place: DataPlace): Doer[] {
  const { name } = place;
  const doers = restoreDoers(work, savedOf(work, name), () => destinationOfData(work, place), {
    restore: stepIds.restore(name),
    compare: stepIds.compare(name),
    // Compared before anything is put inside of it: what was captured apart is not part of its fingerprint.
    after: enclosing(place, work.places).map((outer) =>
      outer === 'code' ? stepIds.compareCode : stepIds.compare(outer.data),
    ),
  });
  if (place.kind !== 'postgres') return doers;
  const serve = {
    after: [stepIds.provision],
    whenDone: 'again' as const,
    run: (signal: AbortSignal) => serveOne(work, name, signal),
  };
  return [[stepIds.database(name), serve], ...doers];
}

function restoreDoers(
  work: DeployWork,
  saved: SavedSource,
  destination: () => Destination,
  ids: { restore: string; compare: string; after: string[] },
): Doer[] {
  return [
    [
      ids.restore,
      { after: ids.after, whenDone: 'keep', run: (signal) => restoreOne(work, saved, destination(), signal) },
    ],
    [
      ids.compare,
      {
        after: [ids.restore],
        whenDone: 'keep',
        run: (signal) => compareOne(work, saved, destination(), signal),
      },
    ],
  ];
}

/** One after the other, in the order of the file: the later ones may lean on the earlier ones. */
function startDoer(work: DeployWork, name: string): Doer {
  const names = startNames(work.saved.app);
  const before = names[names.indexOf(name) - 1];
  return [
    stepIds.start(name),
    {
      after: before === undefined ? [] : [stepIds.start(before)],
      whenDone: 'again',
      run: (signal) => startOne(deployedApp(work), name, signal),
    },
  ];
}

export function deployedApp(work: DeployWork): DeployedApp {
  const { saved, places, plan } = work;
  return {
    app: saved.app,
    places,
    images: saved.manifest.images,
    host: hostOfWork(work),
    deployment: plan.deployment,
    environment: environmentOf(work),
  };
}

async function verify(work: DeployWork, steps: Steps, signal: AbortSignal): Promise<VerifyResult> {
  const deployed = deployedApp(work);
  const { app, environment, host } = deployed;
  const site = checkSite({
    app,
    host,
    folder: await realpath(workingFolder(deployed)).catch(() => host.folder),
    environment: environment.shared,
    destinationOf: (data) => {
      const place = work.places.data.find(({ name }) => name === data);
      return place && destinationOfData(work, place);
    },
    patient: true,
    signal,
  });
  const asked = await runChecks(app.checks, site);
  const running = await checkServices(deployed, signal);
  const secrets = secretsToHide(work);
  const checks = [...asked, ...running].map((check) => ({ ...check, detail: hide(check.detail, secrets) }));
  work.verified = verifyResult(checks, comparedFromJournal(work.plan, steps));
  return work.verified;
}

function hide(text: string, secrets: readonly string[]): string {
  return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text);
}
