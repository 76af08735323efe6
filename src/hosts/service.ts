import { randomBytes, scryptSync } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RelocateError } from '../errors.ts';

/** A process that is kept running. It reaches its supervisor through a pipe: the environment holds secrets. */
export interface ServiceSpec {
  /** Unique in the folder: letters, digits, dots, dashes, underscores. */
  name: string;
  /** The deployment's folder, absolute: `logs/` and `run/` lie in it. */
  folder: string;
  /** Program and arguments; no shell. */
  command: readonly string[];
  cwd: string;
  /** All that the service gets, beside PATH, HOME, LANG and the like where it does not name them itself. */
  environment: Readonly<Record<string, string>>;
  uid?: number | undefined;
  gid?: number | undefined;
  /** What asks it to end, sent to its whole process group; SIGTERM by default. */
  stopSignal?: StopSignal | undefined;
}

const stopSignals = z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']);
export type StopSignal = z.infer<typeof stopSignals>;

export const specSchema = z.object({
  name: z.string().regex(/^[A-Za-z0-9_][\w.-]{0,99}$/),
  folder: z.string().startsWith('/'),
  command: z.array(z.string()).min(1),
  cwd: z.string().startsWith('/'),
  environment: z.record(z.string(), z.string()),
  uid: z.number().int().optional(),
  gid: z.number().int().optional(),
  stopSignal: stopSignals.optional(),
});

const processSchema = z.object({ pid: z.number().int(), startedAt: z.string() });

/** What a supervisor writes down of its service, in run/NAME.json. No secrets. */
const recordSchema = z.object({
  name: z.string(),
  /** Tells whether a service runs with the spec that is asked for, and gives no way back to the spec. */
  digest: z.string(),
  stopSignal: stopSignals,
  supervisor: processSchema,
  /** Leader of the service's process group; undefined between two runs. */
  service: processSchema.optional(),
  phase: z.enum(['running', 'backing-off', 'crash-looping']),
  /** How often it was started again. */
  restarts: z.number().int(),
  /** When this supervisor began, as ISO 8601. */
  since: z.string(),
  lastExit: z.object({ at: z.string(), reason: z.string() }).optional(),
});

export type ServiceRecord = z.infer<typeof recordSchema>;

export interface ServiceState {
  name: string;
  /**
   * `backing-off`: it ended, and is started again soon. `crash-looping`: it did so several times in a row.
   * `unsupervised`: its supervisor was killed; the service goes on, but nobody would start it again.
   */
  state: 'running' | 'backing-off' | 'crash-looping' | 'unsupervised' | 'stopped';
  pid: number | undefined;
  supervisorPid: number | undefined;
  restarts: number;
  since: string | undefined;
  /** Such as "exit code 1, 2026-01-31T12:00:00.000Z". */
  lastExit: string | undefined;
  logPath: string;
}

/** Environment variables that mark the processes of a service and of its supervisor; the value is `markOf`. */
export const serviceMark = 'RELOCATE_SERVICE';
export const supervisorMark = 'RELOCATE_SUPERVISOR';

export function markOf(folder: string, name: string): string {
  return `${folder}:${name}`;
}

export function logPathOf(folder: string, name: string): string {
  return join(folder, 'logs', `${name}.log`);
}

export function lockPathOf(folder: string, name: string): string {
  return join(folder, 'run', `${name}.lock`);
}

function recordPathOf(folder: string, name: string): string {
  return join(folder, 'run', `${name}.json`);
}

/** Throws `internal` for a spec that no supervisor would take. */
export function checkSpec(spec: ServiceSpec): void {
  const parsed = specSchema.safeParse(spec);
  if (parsed.success) return;
  throw new RelocateError('internal', `The service ${spec.name} cannot be run as described`, {
    facts: { problem: z.prettifyError(parsed.error) },
  });
}

/** Slow and salted on purpose: what is digested holds passwords, and the digest is written to disk. */
export function digestOf(spec: ServiceSpec, salt = randomBytes(16).toString('hex')): string {
  const entries = Object.entries(spec.environment).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { name, folder, command, cwd, uid, gid, stopSignal } = spec;
  const text = JSON.stringify([name, folder, command, cwd, uid, gid, stopSignal, entries]);
  return `${salt}:${scryptSync(text, salt, 32).toString('hex')}`;
}

export function isDigestOf(digest: string, spec: ServiceSpec): boolean {
  return digestOf(spec, digest.split(':')[0]) === digest;
}

/** Undefined where there is none, and for one that is not whole. */
export async function readRecord(folder: string, name: string): Promise<ServiceRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(recordPathOf(folder, name), 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writeRecord(folder: string, record: ServiceRecord): Promise<void> {
  const path = recordPathOf(folder, record.name);
  await mkdir(join(folder, 'run'), { recursive: true, mode: 0o755 });
  await writeFile(`${path}.new`, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o644 });
  await rename(`${path}.new`, path);
}

export async function removeRecord(folder: string, name: string): Promise<void> {
  await rm(recordPathOf(folder, name), { force: true });
}

/** Names of the services that were started in the folder and not stopped. */
export async function recordedNames(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'run')).catch(() => []);
  return entries.filter((entry) => entry.endsWith('.json')).map((entry) => entry.slice(0, -'.json'.length));
}
