import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { RelocateError } from '../../errors.ts';
import type { Host, RunResult } from '../host.ts';
import { ownBuild } from './build.ts';
import { packedArchive } from './packed.ts';

/** The agent as it lies on a host, ready to be started. Absolute paths there. */
export interface InstalledAgent {
  node: string;
  program: string;
}

interface Part {
  /** The folder that it gets in the agent's; changes with the content. */
  name: string;
  archive: Promise<() => Readable>;
}

const packing: { build?: Promise<Part & { program: string }>; node?: Promise<Part> } = {};

/** Begins to pack what `installAgent` sends, while there is no host yet to send it to. */
export function packAgent(): void {
  for (const part of [packedBuild(), packedNode()]) part.catch(() => {});
}

function packedBuild(): Promise<Part & { program: string }> {
  packing.build ??= ownBuild(process.platform, process.arch).then(({ files, digest, program }) => {
    const name = `build-${digest}`;
    return { name, archive: packedArchive(name, files), program };
  });
  return packing.build;
}

function packedNode(): Promise<Part> {
  packing.node ??= digestOfFile(process.execPath).then((digest) => {
    const name = `node-${process.version}-${digest.slice(0, 32)}`;
    const file = { path: 'node', from: process.execPath, executable: true };
    return { name, archive: packedArchive(name, [file]) };
  });
  return packing.node;
}

/**
 * Puts this program and Node on the host, in a cache folder of the user's there, each under its digest: what is there
 * already is not sent again. Throws `tool-missing` for a host that our Node does not run on, `host-failed`.
 */
export async function installAgent(host: Pick<Host, 'run'>, signal: AbortSignal): Promise<InstalledAgent> {
  const { root, node: theirNode } = await lookAround(host, signal);
  const [build, node] = await Promise.all([
    packedBuild().then((part) => unpack(host, root, part, signal).then(() => part)),
    theirNode ?? packedNode().then((part) => unpack(host, root, part, signal).then((at) => `${at}/node`)),
  ]);
  return { node, program: posix.join(root, build.name, build.program) };
}

/** Pure: removes what `installAgent` has put there. */
export function uninstallScript(): string[] {
  return [
    '/bin/sh',
    '-c',
    `rm -rf "${cacheFolder}/agent" && { rmdir "${cacheFolder}" 2>/dev/null || true; }`,
  ];
}

const cacheFolder = '${XDG_CACHE_HOME:-$HOME/.cache}/relocate';

const looking = `echo "${cacheFolder}/agent"
uname -s
uname -m
command -v node >/dev/null 2>&1 && node -p 'process.versions.node.split(".")[0] + " " + process.execPath' || true`;

const oldestNodeMajor = 24;
const architectures: Readonly<Record<string, string>> = { x86_64: 'x64', aarch64: 'arm64' };

/** Our Node is for hosts like this machine; on others one that they have will do. */
async function lookAround(
  host: Pick<Host, 'run'>,
  signal: AbortSignal,
): Promise<{ root: string; node: string | undefined }> {
  const result = await host.run(['/bin/sh', '-c', looking], { timeoutMs: 60_000, signal });
  const [root = '', system = '', machine = '', node = ''] = result.stdout.trim().split('\n');
  if (result.exitCode !== 0 || !root.startsWith('/')) throw refused('be looked at', result);
  const isAlike =
    system === 'Linux' && process.platform === 'linux' && architectures[machine] === process.arch;
  const isWhole = Reflect.get(process.config.variables, 'node_shared') !== true;
  if (isAlike && isWhole) return { root, node: undefined };
  const [major = '', path = ''] = node.split(' ');
  if (Number(major) >= oldestNodeMajor && path.startsWith('/')) return { root, node: path };
  throw new RelocateError('tool-missing', `The host (${system} ${machine}) needs Node.js of its own.`, {
    facts: { system, machine, ours: `${process.platform} ${process.arch}` },
    hint: `Nothing was changed. Install Node.js ${oldestNodeMajor} or newer there, or deploy from a machine of the same kind.`,
  });
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const reading = createReadStream(path, { highWaterMark: 1024 * 1024 });
  reading.on('data', (chunk) => hash.update(chunk));
  await once(reading, 'end');
  return hash.digest('hex');
}

/** Returns the folder. Whole or not at all: what a broken connection leaves is a draft, which the next attempt replaces. */
async function unpack(
  host: Pick<Host, 'run'>,
  root: string,
  { name, archive }: Part,
  signal: AbortSignal,
): Promise<string> {
  const folder = posix.join(root, name);
  const there = await host.run(['test', '-d', folder], { timeoutMs: 60_000, signal });
  if (there.exitCode === 0) return folder;
  const script =
    'umask 022; d="$1.new-$$"; rm -rf "$1".new-*; mkdir -p "$d" && tar -xzf - -C "$d" && { mv -T "$d" "$1" 2>/dev/null || { rm -rf "$d"; test -d "$1"; }; }';
  const result = await host.run(['/bin/sh', '-c', script, 'sh', folder], {
    input: (await archive)(),
    signal,
  });
  if (result.exitCode !== 0) throw refused('take relocate’s own program', result);
  return folder;
}

function refused(what: string, { exitCode, stderr, stdout }: RunResult): RelocateError {
  const reason = (stderr.trim() || stdout.trim()).slice(-500);
  const isFull = /no space left/i.test(reason);
  return new RelocateError(isFull ? 'disk-full' : 'host-failed', `The host cannot ${what}: ${reason}`, {
    facts: { exitCode },
    hint: 'It needs a POSIX shell, tar and gzip, and 200 MB in the user’s cache folder. The same command goes on.',
  });
}
