import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Where the demo lays things. The first host and the new one share nothing but the repository and the password. */
export interface WorkFolder {
  path: string;
  /** The first host: the app, its database, its log. */
  oldHost: string;
  repository: string;
  passwordFile: string;
  /** An empty folder: the new host. */
  newHost: string;
  report: string;
}

/** `keep` must be empty or new: the demo deletes what it made, and nothing else. */
export async function makeWorkFolder(keep: string | undefined): Promise<WorkFolder> {
  const folder =
    keep === undefined ? await mkdtemp(path.join(tmpdir(), 'relocate-demo-')) : path.resolve(keep);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) {
    throw new Error(`${folder} is not empty. Name a folder that is empty or does not exist.`);
  }
  // Root's PostgreSQL runs as another user, who must be able to pass through.
  await chmod(folder, 0o755);
  const work = {
    path: folder,
    oldHost: path.join(folder, 'old-host'),
    repository: path.join(folder, 'repository'),
    passwordFile: path.join(folder, 'password'),
    newHost: path.join(folder, 'new-host'),
    report: path.join(folder, 'report.html'),
  };
  await writeFile(work.passwordFile, `${randomBytes(18).toString('base64url')}\n`, { mode: 0o600 });
  await mkdir(work.newHost);
  return work;
}

/** Bytes of all files below a folder. */
export async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((total, size) => total + size, 0);
}
