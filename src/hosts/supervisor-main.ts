import { spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdir, open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { endFamily } from './family.ts';
import { processOf } from './process.ts';
import {
  logPathOf,
  markOf,
  serviceMark,
  specSchema,
  writeRecord,
  type ServiceRecord,
  type ServiceSpec,
} from './service.ts';

/**
 * The program that keeps one service running, started by `startService` and left alone by it. It takes its orders as
 * JSON on standard input, answers "started" or the reason why not on standard output, and then lives by itself. The
 * service writes to its log directly, not through here: so it outlives a supervisor that is killed.
 */
const ordersSchema = z.object({ spec: specSchema, digest: z.string() });

const firstDelayMs = 250;
const longestDelayMs = 30_000;
/** Who ran this long has come up: the next end of it is a new story. */
const steadyMs = 10_000;
const loopingRestarts = 3;
const logLimitBytes = 16 * 1024 * 1024;
const logCheckMs = 2_000;
const stopGraceMs = 10_000;

const { spec, digest } = ordersSchema.parse(JSON.parse(await text(process.stdin)));
process.title = `relocate: ${spec.name}`;
const self = await processOf(process.pid);
if (self === undefined) throw new Error('a process that cannot see itself');

const record: ServiceRecord = {
  name: spec.name,
  digest,
  stopSignal: spec.stopSignal ?? 'SIGTERM',
  supervisor: self,
  phase: 'running',
  restarts: 0,
  since: new Date().toISOString(),
};

const stopping = new AbortController();
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => void stop());

await mkdir(join(spec.folder, 'logs'), { recursive: true });
setInterval(() => void boundLog(logPathOf(spec.folder, spec.name)), logCheckMs).unref();

let failures = 0;
for (let first = true; !stopping.signal.aborted; first = false) {
  const startedMs = Date.now();
  const reason = await runOnce(spec, first);
  if (stopping.signal.aborted) break;
  failures = Date.now() - startedMs >= steadyMs ? 1 : failures + 1;
  record.restarts += 1;
  record.lastExit = { at: new Date().toISOString(), reason };
  record.phase = failures >= loopingRestarts ? 'crash-looping' : 'backing-off';
  delete record.service;
  await save();
  const delayMs = Math.min(firstDelayMs * 2 ** (failures - 1), longestDelayMs);
  await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
}

/** Starts the service and waits for its end; the answer says how it ended. */
async function runOnce(spec: ServiceSpec, first: boolean): Promise<string> {
  const log = await open(logPathOf(spec.folder, spec.name), 'a', 0o600);
  const child = launch(spec, log.fd);
  const ended = endOf(child);
  const spawned = hasSpawned(child);
  await log.close();
  const started = await Promise.race([spawned, ended]);
  if (started !== undefined || child.pid === undefined) {
    const reason = started ?? 'it has no process';
    if (first) await answer(reason);
    return reason;
  }
  const service = await processOf(child.pid);
  if (service !== undefined) record.service = service;
  if (failures < loopingRestarts) record.phase = 'running';
  if (first) await writeRecord(spec.folder, record).then(() => answer('started'));
  else await save();
  const steady = setTimeout(() => {
    record.phase = 'running';
    void save();
  }, steadyMs);
  const reason = await ended;
  clearTimeout(steady);
  return reason;
}

function launch(spec: ServiceSpec, logFd: number): ChildProcess {
  const [program = '', ...args] = spec.command;
  return spawn(program, args, {
    cwd: spec.cwd,
    env: { ...ownEnvironment(), ...spec.environment, [serviceMark]: markOf(spec.folder, spec.name) },
    stdio: ['ignore', logFd, logFd],
    detached: true,
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.gid === undefined ? {} : { gid: spec.gid }),
  });
}

/** `startService` gives this process just what a service may have too, and its mark. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('RELOCATE_')));
}

function hasSpawned(child: ChildProcess): Promise<undefined> {
  return new Promise((resolve) => child.once('spawn', () => resolve(undefined)));
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) =>
      resolve(code === null ? `killed by ${signal}` : `exit code ${code}`),
    );
  });
}

/** The one that started us reads a line and goes; we must not mind its being gone. */
async function answer(line: string): Promise<void> {
  process.stdout.on('error', () => {});
  await new Promise<void>((resolve) => process.stdout.write(`${line}\n`, () => resolve()));
  if (line !== 'started') process.exitCode = 1;
}

/** Keeps the log and one older part. Lines written between copy and cut are lost: the price of a log without a pipe. On a full disk the older part is. */
async function boundLog(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= logLimitBytes) return;
  await copyFile(path, `${path}.1`).catch(() => {});
  await truncate(path).catch(() => {});
}

/** A full disk, or a folder removed by hand, is no reason to leave the service alone. */
async function save(): Promise<void> {
  await writeRecord(spec.folder, record).catch(() => {});
}

/** Somebody ends this process, at shutdown for one: the service goes with it. */
async function stop(): Promise<void> {
  if (stopping.signal.aborted) return;
  stopping.abort();
  await endFamily(spec.folder, spec.name, record.service, {
    stopSignal: spec.stopSignal ?? 'SIGTERM',
    graceMs: stopGraceMs,
  });
}
