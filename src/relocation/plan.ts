import type { App } from '../app/app.ts';
import type { StoredSnapshot } from '../repository/types.ts';
import { deployedEnvironment } from './app-environment.ts';
import { expectedMs, type History } from './history.ts';
import { savedParts } from './manifest.ts';
import { findPlaces, moveOf, newCodePath } from './places.ts';
import type { Manifest, Phase, Plan, PlanStep } from './types.ts';

export interface PlanInput {
  manifest: Manifest;
  app: App;
  snapshot: Pick<StoredSnapshot, 'id'>;
  /** The target's name. */
  target: string;
  deployment: string;
  /** The host's folder. */
  folder: string;
  /** Something must lead from the ports that are open to the services. */
  frontDoor: boolean;
  history: History;
  now: Date;
}

/** Names of steps. They are stable over runs and versions: the journal speaks of steps by them. */
export const stepIds = {
  preflight: 'preflight',
  provision: 'provision',
  database: (name: string) => `database:${name}`,
  restoreCode: 'restore:code',
  compareCode: 'compare:code',
  restoreImages: 'restore:images',
  compareImages: 'compare:images',
  restore: (name: string) => `restore:${dataStep(name)}`,
  compare: (name: string) => `compare:${dataStep(name)}`,
  start: (service: string) => `start:${service}`,
  verify: 'verify',
} as const;

/** Data may be called `code` or `images` as well. */
function dataStep(name: string): string {
  return name === 'code' || name === 'images' ? `data.${name}` : name;
}

/** Pure: the steps a deploy would take. Nothing happens, and nothing secret is in it. */
export function makePlan(input: PlanInput): Plan {
  const { manifest, app, target, deployment, folder, history, now } = input;
  const steps = planSteps(input).map(({ kind, ...step }) => {
    const expected = expectedMs(history, kind, step.sizeBytes);
    return expected === undefined ? step : { ...step, expectedMs: expected };
  });
  const known = steps.flatMap((step) => step.expectedMs ?? []);
  return {
    planVersion: 1,
    app: app.name,
    target,
    deployment,
    folder,
    snapshot: {
      id: input.snapshot.id,
      time: manifest.capturedAt,
      sizeBytes: restoredBytes(manifest),
      ageMs: Math.max(0, now.getTime() - Date.parse(manifest.capturedAt)),
    },
    steps,
    environment: plannedEnvironment(input).changes,
    expectedMs: known.length === 0 ? undefined : known.reduce((sum, ms) => sum + ms, 0),
    ...(app.services?.kind === 'compose'
      ? { composeFile: newCodePath(findPlaces(app, folder), app.services.path) }
      : {}),
  };
}

export function restoredBytes(manifest: Manifest): number {
  return savedParts(manifest).reduce((sum, source) => sum + source.sizeBytes, 0);
}

/** As `PlanStep`, with the kind under which its duration is remembered. */
export type StepDraft = PlanStep & { kind: string };

export function planSteps({
  manifest,
  app,
  target,
  frontDoor = false,
}: Pick<PlanInput, 'manifest' | 'app' | 'target'> & Partial<PlanInput>): StepDraft[] {
  const { code, images } = manifest;
  const bySize = manifest.sources.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  const databases = manifest.sources.filter((source) => source.kind === 'postgres');
  return [
    step(stepIds.preflight, 'preflight', `ask whether ${target} can take it`, `preflight ${target}`),
    step(stepIds.provision, 'provision', `bring up ${target}`, `provision ${target}`),
    ...databases.map(({ name }) =>
      step(stepIds.database(name), 'provision', `serve the database of ${name}`, 'database'),
    ),
    ...(code
      ? [step(stepIds.restoreCode, 'restore', 'restore the code', 'restore files', code.sizeBytes)]
      : []),
    ...(code
      ? [
          step(
            stepIds.compareCode,
            'restore',
            'compare the code with the snapshot',
            'compare files',
            code.sizeBytes,
          ),
        ]
      : []),
    ...(images
      ? [
          step(stepIds.restoreImages, 'restore', 'load the images', 'restore images', images.sizeBytes),
          step(
            stepIds.compareImages,
            'restore',
            'compare the images with the snapshot',
            'compare images',
            images.sizeBytes,
          ),
        ]
      : []),
    ...bySize.map(({ name, kind, sizeBytes }) =>
      step(stepIds.restore(name), 'restore', `restore ${name} (${kind})`, `restore ${kind}`, sizeBytes),
    ),
    ...bySize.map(({ name, kind, sizeBytes }) =>
      step(
        stepIds.compare(name),
        'restore',
        `compare ${name} with the snapshot`,
        `compare ${kind}`,
        sizeBytes,
      ),
    ),
    ...startNames(app).map((name) => step(stepIds.start(name), 'start', `start ${name}`, 'start')),
    ...(frontDoor && startNames(app).length > 0
      ? [step(stepIds.start(frontDoorName), 'start', 'open the front door', 'front door')]
      : []),
    step(stepIds.verify, 'verify', 'run the checks', 'verify'),
  ];
}

function step(id: string, phase: Phase, title: string, kind: string, sizeBytes?: number): StepDraft {
  return { id, phase, title, kind, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
}

/** As a service; an app has none of that name. */
export const frontDoorName = 'relocate-front-door';

/** Docker Compose starts the services of its file as one. */
export function startNames({ services }: Pick<App, 'services'>): string[] {
  if (services === undefined) return [];
  return services.kind === 'compose' ? ['compose'] : services.services.map(({ name }) => name);
}

/** Ports and passwords are not known before provisioning. */
function plannedEnvironment({ app, deployment, folder }: PlanInput) {
  const places = findPlaces(app, folder);
  const databases = new Map(
    places.data.flatMap((place) =>
      place.kind === 'postgres'
        ? [
            [
              place.name,
              { ...place.before, host: '127.0.0.1', port: `<port of ${place.name}>`, password: '***' },
            ] as const,
          ]
        : [],
    ),
  );
  const names = app.services?.services.map((service) => service.name) ?? [];
  const ports = Object.fromEntries(names.map((name) => [name, `<port of ${name}>`]));
  return deployedEnvironment(app, moveOf(places, databases), ports, deployment);
}
