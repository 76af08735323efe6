import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import { composeConfigSchema, type ComposeConfig } from './compose-override.ts';
import type { Host, RunResult } from './host.ts';

/** A Compose file that is run as one project. */
export interface ComposeProject {
  /** Lowercase letters, digits, dashes, underscores: containers, networks and volumes are named by it. */
  name: string;
  /** Absolute. */
  file: string;
  /** What is laid over it, absolute. */
  override?: string;
  /** All images are there, and no other is to be taken: nothing is built, and no registry asked. */
  isPinned?: boolean;
}

/** What is needed of a host here. */
export type Runner = Pick<Host, 'run'>;

export interface ComposeOptions {
  /** For the variables in the Compose file. May hold secrets: it goes through the environment, never through words. */
  environment: Readonly<Record<string, string>>;
  /** For the services to be up and, where they say how to tell, healthy. */
  timeoutMs: number;
  signal: AbortSignal;
}

export interface ComposeService {
  service: string;
  container: string;
  /** Docker's word: running, exited, restarting, … */
  state: string;
  /** Docker's word: healthy, unhealthy, starting; empty where the service has no health check. */
  health: string;
}

/** Pure: starts what is not up yet, and returns when all services are up and healthy. */
export function upCommand(project: ComposeProject, timeoutMs: number): string[] {
  const waitSeconds = String(Math.ceil(timeoutMs / 1000));
  const pinned = project.isPinned === true ? ['--no-build', '--pull', 'never'] : [];
  return [...composeCommand(project), 'up', '--detach', ...pinned, '--wait', '--wait-timeout', waitSeconds];
}

/**
 * Pure: removes the project's containers, networks and volumes. They are known by their labels: the Compose file may be
 * gone, or want variables that nobody has any more.
 */
export function downCommand({ name }: Pick<ComposeProject, 'name'>): string[] {
  return ['docker', 'compose', '--project-name', name, 'down', '--volumes', '--remove-orphans'];
}

export function statusCommand(project: ComposeProject): string[] {
  return [...composeCommand(project), 'ps', '--all', '--format', 'json'];
}

function composeCommand({ name, file, override }: ComposeProject): string[] {
  const over = override === undefined ? [] : ['--file', override];
  return ['docker', 'compose', '--project-name', name, '--file', file, ...over];
}

/** What Compose makes of the file. Throws `start-failed`. */
export async function composeConfig(
  host: Runner,
  project: ComposeProject,
  { environment, signal }: Omit<ComposeOptions, 'timeoutMs'>,
): Promise<ComposeConfig> {
  const command = [...composeCommand(project), 'config', '--format', 'json'];
  const result = await host.run(command, { environment, timeoutMs: 30_000, signal });
  if (result.exitCode !== 0) throw failed('Docker Compose cannot read the file', project, result);
  return composeConfigSchema.parse(JSON.parse(result.stdout));
}

/** Why a Compose file cannot be run on the host now; undefined when it can. Asks the engine, changes nothing. */
export async function findComposeObstacle(
  host: Runner,
  signal?: AbortSignal,
): Promise<RelocateError | undefined> {
  const options = { timeoutMs: 10_000, ...(signal === undefined ? {} : { signal }) };
  const engine = await host.run(['docker', 'version', '--format', '{{.Server.Version}}'], options);
  if (engine.exitCode === 127) {
    return new RelocateError(
      'tool-missing',
      'The app is a Compose file, and there is no docker on the host',
      {
        hint: 'Nothing was changed. Install Docker Engine with its Compose plugin, or give the app a Procfile.',
      },
    );
  }
  if (engine.exitCode !== 0) {
    return new RelocateError(
      'start-failed',
      'The app is a Compose file, and no Docker engine answers on the host',
      {
        facts: { reason: lastWords(engine) },
        hint: 'Nothing was changed. Start the engine (systemctl start docker), or set DOCKER_HOST to one that runs.',
      },
    );
  }
  const compose = await host.run(['docker', 'compose', 'version', '--short'], options);
  if (compose.exitCode === 0) return undefined;
  return new RelocateError(
    'tool-missing',
    'The app is a Compose file, and docker has no Compose plugin on the host',
    {
      facts: { engine: engine.stdout.trim() },
      hint: 'Nothing was changed. Install the Compose plugin (Debian: docker-compose-plugin from docker.com).',
    },
  );
}

/** Also brings an earlier start to its end. Throws `tool-missing`, `start-failed`. */
export async function startCompose(
  host: Runner,
  project: ComposeProject,
  options: ComposeOptions,
): Promise<void> {
  const obstacle = await findComposeObstacle(host, options.signal);
  if (obstacle !== undefined) throw obstacle;
  const { environment, timeoutMs, signal } = options;
  // Compose gives up by itself; this is for the case that it does not.
  const patience = timeoutMs + 60_000;
  const result = await host.run(upCommand(project, timeoutMs), { environment, timeoutMs: patience, signal });
  if (result.exitCode !== 0) throw failed('The Compose services did not come up', project, result);
}

/** One that is down already is no error. Throws `tool-missing`, `start-failed`. */
export async function stopCompose(
  host: Runner,
  project: ComposeProject,
  { signal }: Pick<ComposeOptions, 'signal'>,
): Promise<void> {
  const obstacle = await findComposeObstacle(host, signal);
  if (obstacle !== undefined) throw obstacle;
  const result = await host.run(downCommand(project), { cwd: '/', timeoutMs: 300_000, signal });
  if (result.exitCode !== 0) throw failed('The Compose services could not be removed', project, result);
}

/** Removes all names of a repository of images, and the images that have no other name. Throws `start-failed`. */
export async function removeImages(
  host: Runner,
  repository: string,
  { signal }: Pick<ComposeOptions, 'signal'>,
): Promise<void> {
  const options = { timeoutMs: 300_000, signal };
  const run = async (command: readonly string[]): Promise<string> => {
    const result = await host.run(['docker', 'image', ...command], options);
    if (result.exitCode === 0) return result.stdout;
    throw new RelocateError('start-failed', 'The images of the deployment could not be removed', {
      facts: { repository, reason: lastWords(result) },
      hint: `See “docker image ls ${repository}”, and run the same command again.`,
    });
  };
  const list = ['ls', '--format', '{{.Repository}}:{{.Tag}}', '--filter', `reference=${repository}`];
  const names = (await run(list)).split('\n').filter((name) => name !== '');
  if (names.length > 0) await run(['rm', ...names]);
}

/** Every container of the project, ended ones too. Throws `start-failed`. */
export async function composeState(
  host: Runner,
  project: ComposeProject,
  { environment, signal }: Omit<ComposeOptions, 'timeoutMs'>,
): Promise<ComposeService[]> {
  const result = await host.run(statusCommand(project), { environment, timeoutMs: 30_000, signal });
  if (result.exitCode !== 0) throw failed('Docker Compose does not tell the state', project, result);
  return parseStatus(result.stdout);
}

const containerSchema = z.object({
  Service: z.string(),
  Name: z.string(),
  State: z.string(),
  Health: z.string().default(''),
});

/** Pure. Compose printed one array up to 2.20, and one object a line since. */
export function parseStatus(stdout: string): ComposeService[] {
  const text = stdout.trim();
  if (text === '') return [];
  const containers: unknown[] = text.startsWith('[')
    ? z.array(z.unknown()).parse(JSON.parse(text))
    : text.split('\n').map((line): unknown => JSON.parse(line));
  return containers.map((container) => {
    const { Service, Name, State, Health } = containerSchema.parse(container);
    return { service: Service, container: Name, state: State, health: Health };
  });
}

function failed(message: string, { name, file }: ComposeProject, result: RunResult): RelocateError {
  return new RelocateError('start-failed', message, {
    facts: { project: name, file, exitCode: result.exitCode, reason: lastWords(result) },
    hint: `See “docker compose -p ${name} logs”. Deploy again with --resume, or destroy the deployment.`,
  });
}

function lastWords({ stderr, stdout }: RunResult): string {
  return (stderr.trim() || stdout.trim()).split('\n').slice(-3).join(' ').slice(-500);
}
