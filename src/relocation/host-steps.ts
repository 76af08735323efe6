import { realpath, rm } from 'node:fs/promises';
import type { Certificate } from '../hosts/certificates.ts';
import { wakeEngine } from '../hosts/engine.ts';
import { runLocally } from '../hosts/local.ts';
import { listServices } from '../hosts/supervisor.ts';
import type { ServiceState } from '../hosts/service.ts';
import type { Destination, SavedSource } from '../sources/source.ts';
import { certificatesOf } from './certificates.ts';
import { checkSite } from './check-site.ts';
import type { ServedDatabase } from './databases.ts';
import {
  compareOne,
  destinationOfData,
  environmentOf,
  hostOfWork,
  restoreOne,
  savedOf,
  secretsToHide,
  serveOne,
  type HostWork,
} from './deploy-work.ts';
import { deploymentLayout, imageRepository } from './layout.ts';
import { openFrontDoor } from './front-door.ts';
import { frontDoorName } from './plan.ts';
import { checkServices, startOne, workingFolder, type DeployedApp } from './services.ts';
import type { CheckOutcome, DataOutcome } from './types.ts';
import { runChecks } from './verify.ts';

/** What of the snapshot is brought back. */
export type Part = { kind: 'code' } | { kind: 'images' } | { kind: 'data'; name: string };

/**
 * The steps of a deploy that touch the host. They are done here, where the host is this machine, or by an agent on the
 * host. Each can run twice and ends in the same state. They throw what their step throws, and `host-failed` where the
 * host cannot be reached.
 */
export interface HostSteps {
  serve(name: string, signal: AbortSignal): Promise<ServedDatabase>;
  restore(part: Part, signal: AbortSignal): Promise<void>;
  compare(part: Part, signal: AbortSignal): Promise<DataOutcome>;
  start(name: string, signal: AbortSignal): Promise<{ pid?: number }>;
  /** The app's checks and its services, asked from the host. No password is in what they say. */
  check(how: { patient: boolean }, signal: AbortSignal): Promise<CheckOutcome[]>;
  /** Of a front door that was opened; it waits a while for what was asked for a moment ago. */
  certificates(signal: AbortSignal): Promise<Certificate[]>;
  /** Services that were started and not stopped. */
  services(signal: AbortSignal): Promise<ServiceState[]>;
  /** Takes away what restores have left of their temporary files. */
  tidy(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** On this machine. */
export function directSteps(work: HostWork): HostSteps {
  return {
    serve: (name, signal) => serveOne(work, name, signal),
    restore: async (part, signal) => {
      if (part.kind === 'images') await readyEngine(work, signal);
      await restoreOne(work, savedPart(work, part), destinationOfPart(work, part), signal);
    },
    compare: (part, signal) => compareOne(work, savedPart(work, part), destinationOfPart(work, part), signal),
    start: async (name, signal) => {
      if (name === frontDoorName) return openFrontDoor(deployedApp(work));
      if (work.saved.app.services?.kind === 'compose') await readyEngine(work, signal);
      return startOne(deployedApp(work), name, signal);
    },
    check: ({ patient }, signal) => check(work, patient, signal),
    certificates: (signal) => certificatesOf(deployedApp(work), signal),
    services: () => listServices(hostOfWork(work).folder),
    tidy: () => rm(deploymentLayout.scratch(work.folder, ''), { recursive: true, force: true }),
    close: async () => {},
  };
}

/** On a host where an agent works; what runs on the operator's own machine is the operator's decision. */
async function readyEngine(work: HostWork, signal: AbortSignal): Promise<void> {
  if (hostOfWork(work).publicAddress !== undefined) await wakeEngine({ run: runLocally }, signal);
}

function savedPart(work: HostWork, part: Part): SavedSource {
  if (part.kind === 'data') return savedOf(work, part.name);
  const saved = work.saved.manifest[part.kind];
  if (saved === undefined) throw new TypeError(`the snapshot holds no ${part.kind}`);
  return saved;
}

function destinationOfPart(work: HostWork, part: Part): Destination {
  const { code, data } = work.places;
  if (part.kind === 'images') return { kind: 'engine', repository: imageRepository(work.plan.deployment) };
  const place = part.kind === 'data' ? data.find(({ name }) => name === part.name) : undefined;
  if (place !== undefined) return destinationOfData(work, place);
  if (part.kind === 'data' || code === undefined) throw new TypeError('nothing says where it belongs');
  return { kind: 'path', path: code.after };
}

export function deployedApp(work: HostWork): DeployedApp {
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

async function check(work: HostWork, patient: boolean, signal: AbortSignal): Promise<CheckOutcome[]> {
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
    patient,
    signal,
  });
  const asked = await runChecks(app.checks, site);
  const running = await checkServices(deployed, signal);
  const secrets = secretsToHide(work);
  return [...asked, ...running].map((outcome) => ({ ...outcome, detail: hide(outcome.detail, secrets) }));
}

function hide(text: string, secrets: readonly string[]): string {
  return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, '***'), text);
}
