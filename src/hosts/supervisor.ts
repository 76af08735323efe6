import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { delimiter, dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RelocateError } from '../errors.ts';
import { exclusively } from './exclusive.ts';
import { endFamily } from './family.ts';
import { findMarked, isAlive, signal, type ProcessRef } from './process.ts';
import {
  checkSpec,
  digestOf,
  isDigestOf,
  lockPathOf,
  logPathOf,
  markOf,
  readRecord,
  recordedNames,
  removeRecord,
  supervisorMark,
  type ServiceRecord,
  type ServiceSpec,
  type ServiceState,
  type StopSignal,
} from './service.ts';

/**
 * Services as processes that outlive the command that started them, each kept running by a supervisor process of its
 * own. When a supervisor is killed its service goes on unsupervised, and the next start replaces it: a process that is
 * not one's child cannot be watched reliably, so it is not adopted.
 */

/**
 * Starts the service, and returns once its process runs (which says nothing of its being ready). One that runs with the
 * same spec is left alone; anything else of that name is stopped first, one that keeps crashing too. Throws `start-failed`, `deployment-busy`.
 */
export async function startService(spec: ServiceSpec): Promise<ServiceState> {
  checkSpec(spec);
  return exclusively(lockPathOf(spec.folder, spec.name), async () => {
    const record = await readRecord(spec.folder, spec.name);
    if (record !== undefined && (await isRunning(record)) && isDigestOf(record.digest, spec)) {
      return stateOf(spec.folder, spec.name);
    }
    await end(spec.folder, spec.name, {});
    await launchSupervisor(spec);
    return stateOf(spec.folder, spec.name);
  });
}

export interface StopOptions {
  /** Between the stop signal and SIGKILL; 10,000 by default. */
  graceMs?: number;
  /** In place of the one that the service was started with. */
  stopSignal?: StopSignal;
}

/**
 * Stops the service with all its processes, and its supervisor; also when the supervisor was killed. One that does not
 * run is no error. Its log stays. Throws `start-failed` for a process that cannot be ended, `deployment-busy`.
 */
export async function stopService(folder: string, name: string, options: StopOptions = {}): Promise<void> {
  await exclusively(lockPathOf(folder, name), () => end(folder, name, options));
}

/** Stops all services of the folder, the last one started first, as these lean on the earlier ones. */
export async function stopAll(folder: string, options: StopOptions = {}): Promise<void> {
  const services = await listServices(folder);
  const lastFirst = services.toSorted((a, b) => ((a.since ?? '') < (b.since ?? '') ? 1 : -1));
  for (const { name } of lastFirst) await stopService(folder, name, options);
}

/** A service that was never started is `stopped`. */
export async function serviceState(folder: string, name: string): Promise<ServiceState> {
  return stateOf(folder, name);
}

/** Services that were started in the folder and not stopped, by name. */
export async function listServices(folder: string): Promise<ServiceState[]> {
  const names = (await recordedNames(folder)).toSorted();
  return Promise.all(names.map((name) => stateOf(folder, name)));
}

async function isRunning(record: ServiceRecord): Promise<boolean> {
  return record.phase === 'running' && (await isAlive(record.supervisor));
}

async function stateOf(folder: string, name: string): Promise<ServiceState> {
  const record = await readRecord(folder, name);
  const supervised = record !== undefined && (await isAlive(record.supervisor));
  const serving = record?.service !== undefined && (await isAlive(record.service));
  return {
    name,
    state: supervised ? record.phase : serving ? 'unsupervised' : 'stopped',
    pid: serving ? record?.service?.pid : undefined,
    supervisorPid: supervised ? record.supervisor.pid : undefined,
    restarts: record?.restarts ?? 0,
    since: record?.since,
    lastExit: record?.lastExit && `${record.lastExit.reason}, ${record.lastExit.at}`,
    logPath: logPathOf(folder, name),
  };
}

/** First the supervisor, lest it start again what is being stopped; killed, because it has nothing to tidy up. */
async function end(folder: string, name: string, options: StopOptions): Promise<void> {
  const record = await readRecord(folder, name);
  for (const supervisor of await supervisorsOf(folder, name, record)) {
    await signal(supervisor, 'SIGKILL');
    while (await isAlive(supervisor)) await sleep(10);
  }
  await endFamily(folder, name, record?.service, {
    stopSignal: options.stopSignal ?? record?.stopSignal ?? 'SIGTERM',
    graceMs: options.graceMs ?? 10_000,
  });
  await removeRecord(folder, name);
}

async function supervisorsOf(
  folder: string,
  name: string,
  record: ServiceRecord | undefined,
): Promise<ProcessRef[]> {
  const marked = await findMarked(supervisorMark, markOf(folder, name));
  return record === undefined ? marked : [record.supervisor, ...marked];
}

async function launchSupervisor(spec: ServiceSpec): Promise<void> {
  await mkdir(spec.folder, { recursive: true });
  // From dist a .js file, from the sources a .ts one, whose types Node strips.
  const program = new URL(`./supervisor-main${import.meta.url.slice(-3)}`, import.meta.url);
  const supervisor = spawn(process.execPath, ['--no-warnings', fileURLToPath(program)], {
    cwd: '/',
    env: { ...commonEnvironment(), [supervisorMark]: markOf(spec.folder, spec.name) },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const failed = new Promise<string>((resolve) =>
    supervisor.once('error', ({ message }) => resolve(message)),
  );
  supervisor.stdin.on('error', () => {});
  supervisor.stdin.end(JSON.stringify({ spec, digest: digestOf(spec) }));
  const complaint = text(supervisor.stderr).catch(() => '');
  const answer = await Promise.race([firstLine(supervisor.stdout), failed]);
  supervisor.unref();
  if (answer === 'started') {
    supervisor.stderr.destroy();
    return;
  }
  await end(spec.folder, spec.name, { graceMs: 0 });
  const reason = answer === '' ? (await complaint).trim().slice(-500) : answer;
  throw new RelocateError('start-failed', `The service ${spec.name} could not be started: ${reason}`, {
    facts: { name: spec.name, program: spec.command[0], cwd: spec.cwd },
    hint: 'Nothing of it is running. Mend the cause, then deploy again with --resume.',
  });
}

/** Empty when the stream ends before. */
async function firstLine(stream: AsyncIterable<Buffer>): Promise<string> {
  let read = '';
  for await (const chunk of stream) {
    read += chunk.toString();
    if (read.includes('\n')) return read.slice(0, read.indexOf('\n'));
  }
  return '';
}

/**
 * What a program needs to find its way on this machine. The rest of our environment is ours alone: it has secrets. The
 * Node that runs us is found last, so that an app for Node runs on a host which has none of its own.
 */
function commonEnvironment(): NodeJS.ProcessEnv {
  const PATH = [process.env['PATH'], dirname(process.execPath)].filter(Boolean).join(delimiter);
  const names = ['HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
  const others = names.flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  return { PATH, ...Object.fromEntries(others) };
}
