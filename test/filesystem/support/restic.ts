import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createRepository, openRepository } from '../../../src/repository/index.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { openStorage } from '../../../src/storage/index.ts';

export const password = 'correct horse';

/** The judges that are on this machine: RESTIC_BINARIES (colon-separated) if set, else the one on PATH. */
export const resticBinaries: string[] = (process.env['RESTIC_BINARIES']?.split(':') ?? ['restic']).filter(
  (binary) => spawnSync(binary, ['version'], { stdio: 'ignore' }).status === 0,
);

export const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

export interface Restic {
  (args: readonly string[], options?: { cwd?: string; timeZone?: string }): string;
}

export function resticFor(binary: string, repository: string): Restic {
  return (args, { cwd, timeZone = process.env['TZ'] } = {}) =>
    execFileSync(binary, ['-r', repository, ...args], {
      encoding: 'utf8',
      cwd,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        RESTIC_PASSWORD: password,
        RESTIC_CACHE_DIR: join(repository, '..', 'cache'),
        TZ: timeZone,
      },
    });
}

/** Opens what is there, or makes a new one, for the length of `work`. */
export async function withRepository<T>(
  folder: string,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const storage = await openStorage(`file:${folder}`);
  const exists = existsSync(join(folder, 'config'));
  const repository = exists
    ? await openRepository(storage, password)
    : await createRepository(storage, password);
  try {
    return await work(repository);
  } finally {
    await repository.close();
  }
}

/** Root tree of the only snapshot that restic has made in this repository. */
export function resticTree(
  restic: Restic,
  snapshots: readonly string[],
  before: readonly string[] = [],
): string {
  const [id] = snapshots.filter((snapshot) => !before.includes(snapshot));
  const { tree } = JSON.parse(restic(['cat', 'snapshot', id ?? ''])) as { tree: string };
  return tree;
}

export const snapshotsIn = (repository: string): string[] => readdirSync(join(repository, 'snapshots'));

/** Whether it is from before link targets were kept as bytes and attributes read from symlinks themselves. */
export function isOld(binary: string): boolean {
  const [, minor] = /restic 0\.(\d+)/.exec(execFileSync(binary, ['version'], { encoding: 'utf8' })) ?? [];
  return minor !== undefined && Number(minor) < 17;
}
