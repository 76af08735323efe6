import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import { exclusively } from '../hosts/exclusive.ts';
import { isAlive, processOf } from '../hosts/process.ts';
import { writeDurably } from './durable-file.ts';

const holderSchema = z.object({ pid: z.number().int(), startedAt: z.string(), since: z.string() });
export type LockHolder = z.infer<typeof holderSchema>;

/**
 * Runs `work` as the only one that deploys this app to this target, or destroys such a deployment. The system lets go of
 * the lock when a process dies; the file beside it only says to others who holds it. Throws `deployment-busy`.
 */
export async function withDeployLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  let held = false;
  try {
    return await exclusively(
      path,
      async () => {
        held = true;
        await writeHolder(path);
        try {
          return await work();
        } finally {
          await rm(holderPath(path), { force: true });
        }
      },
      0,
    );
  } catch (error) {
    if (held || !(error instanceof RelocateError && error.code === 'deployment-busy')) throw error;
    throw busy(await lockHolder(path));
  }
}

/** Who holds the lock now; undefined when nobody does. */
export async function lockHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const holder = holderSchema.parse(JSON.parse(await readFile(holderPath(path), 'utf8')));
    return (await isAlive(holder)) ? holder : undefined;
  } catch {
    return undefined;
  }
}

const holderPath = (path: string) => `${path}.json`;

async function writeHolder(path: string): Promise<void> {
  const self = await processOf(process.pid);
  await writeDurably(holderPath(path), JSON.stringify({ ...self, since: new Date().toISOString() }));
}

function busy(holder: LockHolder | undefined): RelocateError {
  const who = holder === undefined ? 'another process' : `process ${holder.pid}`;
  return new RelocateError(
    'deployment-busy',
    `This app is being deployed to this target, or taken from it, by ${who} now.`,
    {
      facts: { pid: holder?.pid, since: holder?.since },
      hint: 'Nothing was changed. Wait until it is done; “relocate status” shows how far it is.',
      retryable: true,
    },
  );
}
