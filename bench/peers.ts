import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from './measure.ts';
import type { Place } from './places.ts';

export const peerNames = ['relocate', 'restic', 'rustic', 'kopia'] as const;
export type PeerName = (typeof peerNames)[number];

/** One program with one repository of its own, called as its users call it and with its defaults. */
export interface Peer {
  name: PeerName;
  /** Makes the repository; not measured. */
  init: readonly Command[];
  save: Command;
  /** Of the newest snapshot, into a folder that is not there yet. */
  restore(target: string): Command;
  /** Where the content lies after that. */
  restored(target: string): string;
  /** What it keeps on this machine and could have lost with it. */
  caches: readonly string[];
}

export const password = 'only for this benchmark';
const relocateBin = fileURLToPath(new URL('../bin/relocate', import.meta.url));
const setupScript = fileURLToPath(new URL('../bin/setup', import.meta.url));
const peersScript = fileURLToPath(new URL('./peers.sh', import.meta.url));

/**
 * Brings relocate up to date with its sources, builds those of the others that are not there yet, which takes minutes
 * once, and tells where each lies.
 */
export function findPeers(names: readonly PeerName[]): Record<PeerName, string> {
  const programs = { relocate: relocateBin, restic: '', rustic: '', kopia: '' };
  outputOf(setupScript, ['--for', 'test']);
  const others = names.filter((name) => name !== 'relocate');
  if (others.length === 0) return programs;
  for (const line of outputOf(peersScript, others).trim().split('\n')) {
    const [name = '', path = ''] = line.split(' ');
    programs[name as PeerName] = path;
  }
  return programs;
}

function outputOf(script: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync(script, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${script} ended with ${String(status)}`);
  return stdout;
}

/** `folder` is the peer's own; `data` is what it saves. */
export async function preparePeer(
  name: PeerName,
  program: string,
  { place, folder, data }: { place: Place; folder: string; data: string },
): Promise<Peer> {
  await mkdir(folder, { recursive: true });
  return makers[name](program, { place, folder, data });
}

interface Setting {
  place: Place;
  folder: string;
  data: string;
}

const underRoot = (target: string, data: string): string => join(target, relative('/', data));

const makers: Record<PeerName, (program: string, setting: Setting) => Promise<Peer>> = {
  async relocate(program, { place, folder, data }) {
    await writeFile(join(folder, 'relocate.yaml'), `app: bench\ndata:\n  x: { files: ${data} }\n`);
    const env = { RELOCATE_PASSWORD: password, XDG_STATE_HOME: join(folder, 'state'), ...place.environment };
    const command = (...args: string[]): Command => ({
      program,
      args: ['-r', place.url('relocate'), ...args],
      cwd: folder,
      env,
    });
    return {
      name: 'relocate',
      init: [command('init', '--repository')],
      save: command('snapshot'),
      restore: (target) => command('restore', 'latest', '--target', target),
      restored: (target) => join(target, 'data', 'x'),
      caches: [],
    };
  },

  restic: async (program, setting) => resticPeer(program, setting),

  async rustic(program, { place, folder, data }) {
    await writeFile(join(folder, 'rustic.toml'), place.rusticSettings);
    const cache = join(folder, 'cache');
    const command = (...args: string[]): Command => ({
      program,
      args: ['--cache-dir', cache, ...args],
      cwd: folder,
      env: { RUSTIC_PASSWORD: password, RUSTIC_NO_PROGRESS: 'true' },
    });
    return {
      name: 'rustic',
      init: [command('init')],
      save: command('backup', data),
      restore: (target) => command('restore', `latest:${data}`, target),
      restored: (target) => target,
      caches: [cache],
    };
  },

  async kopia(program, { place, folder, data }) {
    const cache = join(folder, 'cache');
    const command = (...args: string[]): Command => ({
      program,
      args: [...args, '--no-progress'],
      env: {
        KOPIA_PASSWORD: password,
        KOPIA_CONFIG_PATH: join(folder, 'repository.config'),
        KOPIA_CACHE_DIRECTORY: cache,
        KOPIA_LOG_DIR: join(folder, 'log'),
        KOPIA_CHECK_FOR_UPDATES: 'false',
        KOPIA_PERSIST_CREDENTIALS_ON_CONNECT: 'true',
        KOPIA_USE_KEYRING: 'false',
      },
    });
    return {
      name: 'kopia',
      // Its default is to compress nothing; the others compress with zstd.
      init: [
        command('repository', 'create', ...place.kopiaArguments),
        command('policy', 'set', '--global', '--compression=zstd'),
      ],
      save: command('snapshot', 'create', data),
      restore: (target) => command('snapshot', 'restore', data, target, '--snapshot-time=latest'),
      restored: (target) => target,
      caches: [cache],
    };
  },
};

/** Stock restic; also on a repository that relocate made. */
export function resticPeer(
  program: string,
  { place, folder, data, user = 'restic' }: Setting & { user?: PeerName },
): Peer & { check: Command } {
  const cache = join(folder, 'restic-cache');
  const command = (...args: string[]): Command => ({
    program,
    args: ['-r', place.url(user), '--cache-dir', cache, ...args],
    env: { RESTIC_PASSWORD: password, ...place.environment },
  });
  return {
    name: 'restic',
    init: [command('init')],
    save: command('backup', data),
    restore: (target) => command('restore', 'latest', '--target', target),
    restored: (target) => underRoot(target, data),
    caches: [cache],
    check: command('check', '--read-data'),
  };
}

/** As on the new machine that everything is brought back to. */
export async function dropCaches({ caches }: Peer): Promise<void> {
  for (const cache of caches) await rm(cache, { recursive: true, force: true });
}
