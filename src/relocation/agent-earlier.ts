import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { isAlive, processOf, signal, type ProcessRef } from '../hosts/process.ts';

const schema = z.object({ pid: z.number().int(), startedAt: z.string() });

/**
 * Ends the agent that an earlier connection to this deployment left behind, and writes down that this process is the
 * agent now: a connection can be lost for the operator long before the host notices, and two must not restore at once.
 */
export async function endEarlierAgent(folder: string): Promise<void> {
  const path = join(folder, 'run', 'agent');
  const earlier = await readRef(path);
  if (earlier !== undefined && earlier.pid !== process.pid) {
    while (await isAlive(earlier)) {
      await signal(earlier, 'SIGKILL');
      await sleep(20);
    }
  }
  await mkdir(join(folder, 'run'), { recursive: true, mode: 0o755 });
  await writeFile(`${path}.new`, JSON.stringify(await processOf(process.pid)));
  await rename(`${path}.new`, path);
}

async function readRef(path: string): Promise<ProcessRef | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
