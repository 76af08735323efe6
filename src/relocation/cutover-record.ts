import { mkdir, readdir, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Dns } from '../app/app.ts';
import { type RecordSet, recordTypes } from '../dns/zone.ts';
import { RelocateError, systemCodeOf } from '../errors.ts';
import { writeDurably } from './durable-file.ts';
import { stateLayout } from './layout.ts';

/**
 * What an app's names were before they were changed, and how far a change has come. One file an app in the state
 * folder, whole on disk before the first change: after a `kill -9` the next run goes on, or back. No secrets.
 */
const recordSet: z.ZodType<RecordSet> = z.object({
  name: z.string(),
  type: z.enum(recordTypes),
  ttlSeconds: z.number(),
  values: z.array(z.string()),
  settings: z.record(z.string(), z.unknown()).exactOptional(),
  hidden: z.literal(true).exactOptional(),
});

const provider: z.ZodType<Dns['provider']> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hetzner') }),
  z.object({ kind: z.literal('cloudflare') }),
  z.object({ kind: z.literal('digitalocean') }),
  z.object({ kind: z.literal('route53'), zoneId: z.string().optional() }),
  z.object({ kind: z.literal('rfc2136'), server: z.string().optional(), keyFile: z.string().optional() }),
  z.object({
    kind: z.literal('file'),
    path: z.string(),
    edit: z.boolean(),
    reload: z.string().optional(),
  }),
]);

const name = z.object({
  name: z.string(),
  /** All that it had before anything was changed. */
  before: z.array(recordSet),
  /** All that it is to have; as `before`, with a shorter time to live, while nothing but that was changed. */
  after: z.array(recordSet),
  /** What a cutover that was under way before this one put there, or was about to. */
  passing: z.array(recordSet).exactOptional(),
  /** How long its answers may be kept in quiet times. */
  usualTtlSeconds: z.number(),
});
export type MovedName = z.output<typeof name>;

/**
 * `preparing` → `prepared` (times to live are short) → `switching` → `switched` (the servers say so) → `done` (caches
 * have run out) → `settling` → `settled` (times to live are as usual). From each of them `returning` → `returned`.
 */
const states = z.enum([
  'preparing',
  'prepared',
  'switching',
  'switched',
  'done',
  'settling',
  'settled',
  'returning',
  'returned',
]);
export type CutoverState = z.output<typeof states>;

const cutover = z.object({
  startedAt: z.iso.datetime(),
  dns: z.object({
    zone: z.string(),
    names: z.array(z.string()),
    ttlSeconds: z.number(),
    servers: z.array(z.string()).optional(),
    provider,
  }),
  /** Undefined while only times to live were changed. */
  target: z.string().optional(),
  deployment: z.string().optional(),
  state: states,
  names: z.array(name),
  allowGap: z.boolean(),
  /** When all servers gave the short time to live. */
  loweredAt: z.iso.datetime().optional(),
  /** When all servers gave the new answers. */
  switchedAt: z.iso.datetime().optional(),
  /** Until then caches may give the answers from before the last change. */
  cachesUntil: z.iso.datetime().optional(),
});
export type Cutover = z.output<typeof cutover>;

const file = z.object({ cutoversVersion: z.literal(1), app: z.string(), cutovers: z.array(cutover) });

const kept = 20;

/** Oldest first; none where there is no file. Throws `cutover-damaged`. */
export async function readCutovers(stateFolder: string, app: string): Promise<Cutover[]> {
  const path = stateLayout.cutover(stateFolder, app);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw damaged(path, error);
  });
  if (text === undefined) return [];
  try {
    return file.parse(JSON.parse(text)).cutovers;
  } catch (error) {
    throw damaged(path, error);
  }
}

/** Pure: the one that the names follow, or are to follow. */
export function lastCutover(cutovers: readonly Cutover[]): Cutover | undefined {
  return cutovers.findLast(({ state }) => state !== 'returned');
}

export async function writeCutovers(
  stateFolder: string,
  app: string,
  cutovers: readonly Cutover[],
): Promise<void> {
  await mkdir(stateLayout.cutovers(stateFolder), { recursive: true, mode: 0o700 });
  const content = { cutoversVersion: 1, app, cutovers: cutovers.slice(-kept) };
  await writeDurably(stateLayout.cutover(stateFolder, app), `${JSON.stringify(content, null, 2)}\n`);
}

/** Apps whose names were moved from here. */
export async function appsWithCutovers(stateFolder: string): Promise<string[]> {
  const entries = await readdir(stateLayout.cutovers(stateFolder)).catch(() => []);
  return entries.filter((one) => one.endsWith('.json')).map((one) => one.slice(0, -'.json'.length));
}

function damaged(path: string, cause: unknown): RelocateError {
  return new RelocateError('cutover-damaged', `What the names were before cannot be read: ${path}`, {
    facts: { path, reason: systemCodeOf(cause) },
    hint: 'Nothing was changed. Look into that file for what to put back by hand, then move it away.',
    cause,
  });
}
