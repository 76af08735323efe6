import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Lab } from '../index.ts';

const execute = promisify(execFile);

/** Debian's `hcloud`, which nobody here wrote, on the lab. Rejects with what it said. */
export async function hcloud(lab: Lab, ...words: string[]): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'relocate-lab-hcloud-'));
  try {
    const env = { ...lab.environment, HOME: home };
    return (await execute('hcloud', words, { env, timeout: 60_000 })).stdout;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
