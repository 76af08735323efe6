import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RelocateError } from '../errors.ts';

/** Says whose a deployment's folder is. Without it nothing in a folder is ever removed. */
const markerName = '.relocate-deployment';

/**
 * Makes the folder of a deployment, or finds the one it has. Throws `provision-failed` where the folder holds
 * something that is not this deployment's.
 */
export async function claimFolder(path: string, deployment: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  const owner = await ownerOf(path);
  if (owner === deployment) return;
  const entries = (await readdir(path)).filter((name) => name !== draftName);
  if (owner !== undefined || entries.length > 0) {
    throw new RelocateError('provision-failed', `The folder ${path} is not empty and not this deployment's`, {
      facts: { path, owner },
      hint: 'Nothing in it was touched. Move it away, or choose another folder for the target.',
    });
  }
  await writeFile(join(path, draftName), `${deployment}\n`);
  await rename(join(path, draftName), join(path, markerName));
}

/**
 * Removes the deployment's folder with all that it holds. The marker goes last: a removal that was cut short can be
 * taken up again. A folder that is gone, or someone else's, is left alone.
 */
export async function removeFolder(path: string, deployment: string): Promise<void> {
  // A removal that was cut short at its very end leaves an empty folder without its marker.
  await rmdir(path).catch(() => {});
  if ((await ownerOf(path)) !== deployment) return;
  const entries = (await readdir(path)).filter((name) => name !== markerName);
  for (const name of entries) await rm(join(path, name), { recursive: true, force: true });
  await rm(path, { recursive: true, force: true });
}

/** The deployment that the folder belongs to; undefined for none. */
export async function ownerOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(join(path, markerName), 'utf8')).trim();
  } catch {
    return undefined;
  }
}

const draftName = `${markerName}.draft`;
