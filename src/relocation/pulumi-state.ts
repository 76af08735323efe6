import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import { isTaken } from '../hosts/process.ts';

/**
 * The engine's own files, as its file backend lays them out (pkg/backend/diy of pulumi 3.250): read to answer quickly,
 * and repaired after a crash.
 */
export const projectName = 'relocate';

export function stackFile(backend: string, stack: string): string {
  return join(backend, '.pulumi', 'stacks', projectName, `${stack}.json`);
}

const checkpointSchema = z.object({
  checkpoint: z.object({
    latest: z.object({ pending_operations: z.array(z.unknown()).nullish() }).nullish(),
  }),
});

/**
 * Makes what a killed engine left fit for the next one: clears its locks, and puts the last whole checkpoint in place
 * of one that was cut off (by a machine that lost power: the engine doesn't sync), its copy NAME.json.bak. Where there is no
 * whole one the stack counts as lost: creating is idempotent, and a target's `sweep` finds what belongs to it.
 * Throws `deployment-busy`.
 */
export async function recoverStack(backend: string, stack: string): Promise<void> {
  await clearLocks(backend, stack);
  const file = stackFile(backend, stack);
  if (!existsSync(file) || (await isWhole(file))) return;
  if (await isWhole(`${file}.bak`)) {
    await copyFile(`${file}.bak`, `${file}.mended`);
    await rename(`${file}.mended`, file);
  } else {
    await rename(file, `${file}.damaged`);
  }
}

async function isWhole(file: string): Promise<boolean> {
  try {
    return checkpointSchema.safeParse(JSON.parse(await readFile(file, 'utf8'))).success;
  } catch {
    return false;
  }
}

/** Did an update end between "asked of the provider" and "written down"? */
export async function hasPendingOperations(backend: string, stack: string): Promise<boolean> {
  if (!existsSync(stackFile(backend, stack))) return false;
  const parsed = checkpointSchema.safeParse(JSON.parse(await readFile(stackFile(backend, stack), 'utf8')));
  return (parsed.data?.checkpoint.latest?.pending_operations?.length ?? 0) > 0;
}

const lockSchema = z.object({ pid: z.number().int(), hostname: z.string() });

/**
 * Removes locks of engines that are dead. One that still runs is an orphan of a killed run that is about to notice (two
 * runs at once are kept apart by the deployment's own lock), so it is waited for. Throws `deployment-busy`.
 */
export async function clearLocks(backend: string, stack: string, patienceMs = 30_000): Promise<void> {
  const folder = join(backend, '.pulumi', 'locks', 'organization', projectName, stack);
  const names = await readdir(folder).catch(() => []);
  const deadline = Date.now() + patienceMs;
  for (const name of names) {
    const file = join(folder, name);
    while (await isHeld(file)) {
      if (Date.now() >= deadline) throw busy(stack, file);
      await sleep(100);
    }
    await unlink(file).catch(() => {});
  }
}

async function isHeld(file: string): Promise<boolean> {
  // Drafts of a writer that died lie beside the locks.
  if (!file.endsWith('.json')) return false;
  const content = await readFile(file, 'utf8').catch(() => undefined);
  // A lock without content is one whose writer died while writing it.
  if (content === undefined || content === '') return false;
  const lock = lockSchema.parse(JSON.parse(content));
  return lock.hostname !== hostname() || isTaken(lock.pid);
}

function busy(stack: string, file: string): RelocateError {
  return new RelocateError('deployment-busy', `Another Pulumi engine works on the stack ${stack}`, {
    facts: { stack, lockFile: file },
    hint: `Wait for it. If the machine that holds it is gone, remove ${file} and run the same command again.`,
    retryable: true,
  });
}

/** What the engine keeps of a stack beyond its removal: history, a backup of its last state, its settings. */
export async function forgetStack(backend: string, stack: string): Promise<void> {
  const kept = [
    ...['.bak', '.mended', '.damaged'].map((ending) => `${stackFile(backend, stack)}${ending}`),
    join(backend, '.pulumi', 'history', projectName, stack),
    join(backend, '.pulumi', 'backups', projectName, stack),
    join(backend, '.pulumi', 'locks', 'organization', projectName, stack),
    workFolder(backend, stack),
  ];
  for (const path of kept) await rm(path, { recursive: true, force: true });
}

/** Where the engine keeps the stack's settings (the salt of its encryption among them). */
export function workFolder(backend: string, stack: string): string {
  return join(backend, 'work', stack);
}
