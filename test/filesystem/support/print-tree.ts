/** Saves a folder in a repository and prints the ID of its tree. */
import { silent } from '../../../src/events.ts';
import { createArchive } from '../../../src/filesystem/archive.ts';
import { withRepository } from './restic.ts';

const [folder = '', repositoryFolder = ''] = process.argv.slice(2);
await withRepository(repositoryFolder, async (repository) => {
  const archive = createArchive(repository, { emit: silent, signal: new AbortController().signal });
  const { tree } = await archive.slot('/data/files').addDisk(folder, { excludes: [] });
  await repository.flush();
  process.stdout.write(tree);
});
