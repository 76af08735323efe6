import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { silent } from '../../src/events.ts';
import { createArchive } from '../../src/filesystem/archive.ts';
import { restoreTree } from '../../src/filesystem/restore.ts';
import type { Repository } from '../../src/repository/repository.ts';

const options = { emit: silent, signal: new AbortController().signal };

/** Snapshots a folder as the stages do: under a lock, files first, then the index, the snapshot last. */
export function saveFolder(repository: Repository, folder: string): Promise<string> {
  return repository.withLock('shared', {}, async () => {
    const archive = createArchive(repository, options);
    await archive.slot('/data/files').addDisk(folder, { excludes: [] });
    const { tree } = await archive.finish();
    await repository.flush();
    const time = new Date().toISOString();
    return repository.saveSnapshot({ time, tree, paths: ['/'], hostname: 'here' });
  });
}

/** Restores a snapshot below a new folder in `work`; gives the files that are there, and what went wrong. */
export async function restoreFiles(
  repository: Repository,
  snapshot: string,
  work: string,
): Promise<{ files: Map<string, Buffer>; problems: unknown[] }> {
  const target = await mkdtemp(join(work, 'restored-'));
  const problems: unknown[] = [];
  try {
    const { tree } = await repository.findSnapshot(snapshot);
    problems.push(...(await restoreTree(repository, tree, target, options)).problems);
  } catch (error) {
    problems.push(error);
  }
  return { files: await filesIn(target), problems };
}

/** Contents by path below the folder. */
export async function filesIn(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  return new Map(
    await Promise.all(paths.map(async (path) => [relative(folder, path), await readFile(path)] as const)),
  );
}

/** Names of files that are missing, too many or not the same: shorter to read than megabytes of difference. */
export function differences(got: Map<string, Buffer>, expected: Map<string, Buffer>): string[] {
  const names = new Set([...got.keys(), ...expected.keys()]);
  return [...names].filter((name) => {
    const content = got.get(name);
    return content === undefined || expected.get(name)?.equals(content) !== true;
  });
}
