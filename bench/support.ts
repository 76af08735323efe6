import { spawn } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the benchmarks share: data from a fixed seed, runs timed from outside, medians. */

export const relocateBin = fileURLToPath(new URL('../bin/relocate', import.meta.url));

/** In memory where the system has such a place, so that no disk is measured. */
export function workFolder(): Promise<string> {
  return mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'relocate-bench-'));
}

/** Wall time of one run in milliseconds. Throws when the command fails. */
export async function timeMs(
  command: string,
  args: readonly string[],
  { cwd, env }: { cwd?: string; env?: Record<string, string> } = {},
): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}: ${stderr}`);
  return performance.now() - startedAt;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

export const spread = (values: readonly number[]): string =>
  `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}`;

/** Bytes that look random and are the same every time. */
export function seededBytes(seed: number, sizeBytes: number): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(seed);
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), iv).update(Buffer.alloc(sizeBytes));
}

/** `files` files of about the same size in folders of a hundred, `sizeBytes` in all. */
export async function makeTree(folder: string, files: number, sizeBytes: number): Promise<void> {
  const each = Math.floor(sizeBytes / files);
  for (let at = 0; at < files; at += 1) {
    const parent = join(folder, `folder-${Math.floor(at / 100)}`);
    if (at % 100 === 0) await mkdir(parent, { recursive: true });
    // From half to one and a half times the mean: names alone tell nothing of sizes.
    const size = Math.floor(each * (0.5 + (at % 101) / 100));
    await writeFile(join(parent, `file-${at}.bin`), seededBytes(at, size));
  }
}

/** Bytes of all files below. */
export async function sizeOf(folder: string): Promise<number> {
  let sizeBytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sizeBytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return sizeBytes;
}

export const print = (line = ''): void => void process.stdout.write(`${line}\n`);
