import { hash } from 'node:crypto';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { freshSurroundings, run } from './measure.ts';
import { resticPeer } from './peers.ts';
import type { Place } from './places.ts';

/** What a folder holds: for each path its kind, permissions, and of a file its size, time and content. */
export type Content = ReadonlyMap<string, string>;

const pieceBytes = 8 * 1024 * 1024;

export async function contentOf(folder: string): Promise<Content> {
  const content = new Map<string, string>();
  const piece = Buffer.allocUnsafeSlow(pieceBytes);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const { mode, size, mtimeNs } = await stat(path, { bigint: true });
    const what = entry.isFile() ? `${size} ${mtimeNs} ${await digestsOf(path, piece)}` : 'folder';
    content.set(relative(folder, path), `${(mode & 0o7777n).toString(8)} ${what}`);
  }
  return content;
}

async function digestsOf(path: string, piece: Buffer): Promise<string> {
  const file = await open(path);
  try {
    const digests: string[] = [];
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) return digests.join(' ');
      digests.push(hash('sha256', piece.subarray(0, bytesRead)));
    }
  } finally {
    await file.close();
  }
}

/** Throws with the first paths that are not what they should be. */
export async function assertRestored(expected: Content, folder: string, who: string): Promise<void> {
  const actual = await contentOf(folder);
  const wrong = [...new Set([...expected.keys(), ...actual.keys()])].filter(
    (path) => expected.get(path) !== actual.get(path),
  );
  if (wrong.length === 0) return;
  const shown = wrong
    .slice(0, 5)
    .map((path) => `${path}: ${expected.get(path) ?? 'not there'} became ${actual.get(path) ?? 'nothing'}`);
  throw new Error(`${who} restored ${wrong.length} paths wrongly:\n${shown.join('\n').slice(0, 2000)}`);
}

/** Stock restic reads every byte of what relocate wrote, and restores its newest snapshot. */
export async function judgeRelocate(
  restic: string,
  { place, folder, expected }: { place: Place; folder: string; expected: Content },
): Promise<void> {
  const own = await freshSurroundings(join(folder, 'judge'));
  const judge = resticPeer(restic, { place, folder: own, data: '/', user: 'relocate' });
  const said = await run(judge.check, own);
  if (!said.includes('no errors were found'))
    throw new Error(`restic check of what relocate wrote:\n${said}`);
  const target = join(own, 'restored');
  await run(judge.restore(target), own);
  await assertRestored(expected, join(target, 'data', 'x'), 'restic, from what relocate wrote,');
  await rm(own, { recursive: true });
}
