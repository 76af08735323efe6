import { mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { App } from '../app/app.ts';
import { overrideText } from '../hosts/compose-override.ts';
import { composeConfig, composeState, startCompose, type ComposeProject } from '../hosts/compose.ts';
import type { HostOutput } from '../hosts/host.ts';
import { hostOf } from '../hosts/index.ts';
import type { ServiceState } from '../hosts/service.ts';
import { serviceState, startService } from '../hosts/supervisor.ts';
import { deployedImages } from '../sources/images.ts';
import type { SavedSource } from '../sources/source.ts';
import type { DeployedEnvironment } from './app-environment.ts';
import { hostLayout, imageRepository } from './layout.ts';
import { newCodePath, volumeFolders, type Places } from './places.ts';
import type { CheckOutcome, DeployReport } from './types.ts';

/** The services of a deployed app: started, and asked whether they run. */
export interface DeployedApp {
  app: App;
  places: Places;
  /** What the snapshot has of images. */
  images?: SavedSource | undefined;
  host: HostOutput;
  deployment: string;
  /** Holds secrets. */
  environment: DeployedEnvironment;
}

const composeTimeoutMs = 300_000;

/** Where services and checks by command run. */
export function workingFolder({ places, host }: Pick<DeployedApp, 'places' | 'host'>): string {
  return places.code?.after ?? host.folder;
}

/** Starts one service of a Procfile, or all of a Compose file (`compose`). What runs already as it should is left alone. */
export async function startOne(
  deployed: DeployedApp,
  name: string,
  signal: AbortSignal,
): Promise<{ pid?: number }> {
  const { app, host, environment } = deployed;
  const cwd = workingFolder(deployed);
  await mkdir(cwd, { recursive: true });
  if (app.services?.kind === 'compose') {
    await startComposeApp(deployed, app.services.path, signal);
    return {};
  }
  const service = app.services?.services.find((candidate) => candidate.name === name);
  const state = await startService({
    name,
    folder: host.folder,
    command: ['/bin/sh', '-c', service?.command ?? ''],
    cwd,
    environment: environment.services[name] ?? environment.shared,
  });
  return state.pid === undefined ? {} : { pid: state.pid };
}

async function startComposeApp(deployed: DeployedApp, path: string, signal: AbortSignal): Promise<void> {
  const { host, deployment, environment, images } = deployed;
  const options = { environment: environment.shared, timeoutMs: composeTimeoutMs, signal };
  const project = composeProject(deployed, path);
  const config = await composeConfig(hostOf(host), project, options);
  const pinned = images === undefined ? {} : deployedImages(images, imageRepository(deployment));
  const volumes = volumeFolders(deployed.places);
  const override = hostLayout.composeOverride(host.folder);
  await writeFile(override, overrideText(config, deployment, { images: pinned, ports: host.ports, volumes }));
  const isPinned = images !== undefined;
  await startCompose(hostOf(host), { ...project, override, isPinned }, options);
}

function composeProject({ places, deployment }: DeployedApp, path: string): ComposeProject {
  return { name: deployment, file: newCodePath(places, path) };
}

/** Says of each service whether it runs: one that ended right after its start is found out here. */
export async function checkServices(deployed: DeployedApp, signal: AbortSignal): Promise<CheckOutcome[]> {
  const { app, host } = deployed;
  if (app.services?.kind === 'compose') return checkCompose(deployed, app.services.path, signal);
  const names = app.services?.services.map(({ name }) => name) ?? [];
  return Promise.all(names.map((name) => checkProcess(host.folder, name, signal)));
}

/** A program that cannot work (no configuration, a port taken) ends within this time. */
const steadyMs = 1_000;

async function checkProcess(folder: string, name: string, signal: AbortSignal): Promise<CheckOutcome> {
  const startedAt = performance.now();
  let state = await serviceState(folder, name);
  const ageMs = Date.now() - Date.parse(state.since ?? '');
  if (state.state === 'running' && ageMs < steadyMs) {
    await sleep(steadyMs - ageMs, undefined, { signal });
    state = await serviceState(folder, name);
  }
  const isUp = state.state === 'running' || state.state === 'unsupervised';
  const again = state.restarts === 0 ? '' : `, started again ${state.restarts} times`;
  return {
    title: `service ${name} runs`,
    outcome: isUp && state.restarts === 0 ? 'passed' : 'failed',
    detail: isUp
      ? `process ${state.pid}${again}`
      : `${state.state}${again}: ${state.lastExit ?? ''}; see ${state.logPath}`,
    durationMs: Math.round(performance.now() - startedAt),
  };
}

async function checkCompose(
  deployed: DeployedApp,
  path: string,
  signal: AbortSignal,
): Promise<CheckOutcome[]> {
  const startedAt = performance.now();
  const options = { environment: deployed.environment.shared, signal };
  const containers = await composeState(hostOf(deployed.host), composeProject(deployed, path), options);
  return containers.map(({ service, state, health }) => ({
    title: `service ${service} runs`,
    outcome: state === 'running' && health !== 'unhealthy' ? 'passed' : 'failed',
    detail: health === '' ? state : `${state}, ${health}`,
    durationMs: Math.round(performance.now() - startedAt),
  }));
}

/** Pure: where the services answer. */
export function describeServices(
  { app, host }: Pick<DeployedApp, 'app' | 'host'>,
  running: readonly Pick<ServiceState, 'name' | 'pid'>[],
): DeployReport['services'] {
  const names = app.services?.services.map(({ name }) => name) ?? [];
  return names.map((name) => {
    const port = host.ports[name];
    const pid = running.find((one) => one.name === name)?.pid;
    return {
      name,
      address: port === undefined ? host.address : `${host.address}:${port}`,
      ...(pid === undefined ? {} : { pid }),
    };
  });
}
