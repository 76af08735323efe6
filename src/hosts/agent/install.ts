import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { RelocateError } from '../../errors.ts';
import type { Host, RunResult } from '../host.ts';
import { ownBuild } from './build.ts';
import { tarOf, type PackedFile } from './tar.ts';

/** The agent as it lies on a host, ready to be started. Absolute paths there. */
export interface InstalledAgent {
  node: string;
  program: string;
}

const packing: { build?: ReturnType<typeof ownBuild>; node?: Promise<string> } = {};

/**
 * Puts this program and Node on the host, in a cache folder of the user's there, each under its digest: what is there
 * already is not sent again. Throws `tool-missing` for a host that our Node does not run on, `host-failed`.
 */
export async function installAgent(host: Pick<Host, 'run'>, signal: AbortSignal): Promise<InstalledAgent> {
  const { root, node: theirNode } = await lookAround(host, signal);
  packing.build ??= ownBuild(process.platform, process.arch);
  const build = await packing.build;
  const nodeFolder = theirNode ?? (await ownNodeFolder());
  const buildFolder = posix.join(root, `build-${build.digest}`);
  await unpack(host, buildFolder, build.files, signal);
  const program = posix.join(buildFolder, build.program);
  if (theirNode !== undefined) return { node: theirNode, program };
  const folder = posix.join(root, nodeFolder);
  await unpack(host, folder, [{ path: 'node', from: process.execPath, executable: true }], signal);
  return { node: posix.join(folder, 'node'), program };
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

async function ownNodeFolder(): Promise<string> {
  packing.node ??= digestOfFile(process.execPath);
  return `node-${process.version}-${(await packing.node).slice(0, 32)}`;
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const reading = createReadStream(path, { highWaterMark: 1024 * 1024 });
  reading.on('data', (chunk) => hash.update(chunk));
  await once(reading, 'end');
  return hash.digest('hex');
}

/** Whole or not at all: what a broken connection leaves is a draft, which the next attempt replaces. */
async function unpack(
  host: Pick<Host, 'run'>,
  folder: string,
  files: readonly PackedFile[],
  signal: AbortSignal,
): Promise<void> {
  const there = await host.run(['test', '-d', folder], { timeoutMs: 60_000, signal });
  if (there.exitCode === 0) return;
  const script =
    'umask 022; d="$1.new-$$"; rm -rf "$1".new-*; mkdir -p "$d" && tar -xzf - -C "$d" && { mv -T "$d" "$1" 2>/dev/null || { rm -rf "$d"; test -d "$1"; }; }';
  const packed = Readable.from(tarOf(files)).pipe(createGzip({ level: 1 }));
  const result = await host.run(['/bin/sh', '-c', script, 'sh', folder], { input: packed, signal });
  if (result.exitCode !== 0) throw refused('take relocate’s own program', result);
}

function refused(what: string, { exitCode, stderr, stdout }: RunResult): RelocateError {
  const reason = (stderr.trim() || stdout.trim()).slice(-500);
  const isFull = /no space left/i.test(reason);
  return new RelocateError(isFull ? 'disk-full' : 'host-failed', `The host cannot ${what}: ${reason}`, {
    facts: { exitCode },
    hint: 'It needs a POSIX shell, tar and gzip, and 200 MB in the user’s cache folder. The same command goes on.',
  });
}
