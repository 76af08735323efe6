import { access, constants } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { RelocateError } from '../errors.ts';

/**
 * Absolute path of the `pulumi` program: what RELOCATE_PULUMI names, else the first on PATH, in the official installer's
 * folder, or in the project's own tools. Throws `tool-missing`.
 */
export async function findPulumi(environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const named = environment['RELOCATE_PULUMI'];
  const candidates = named === undefined || named === '' ? candidatePaths(environment) : [named];
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  throw new RelocateError('tool-missing', 'The Pulumi engine was not found on this machine', {
    facts: { named },
    hint: 'Nothing was changed. Run bin/setup, or set RELOCATE_PULUMI to the path of the pulumi program.',
  });
}

function candidatePaths(environment: NodeJS.ProcessEnv): string[] {
  const onPath = (environment['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  // https://www.pulumi.com/docs/iac/download-install/: the installer's default is ~/.pulumi/bin.
  const folders = [...onPath, join(homedir(), '.pulumi', 'bin'), join(projectFolder(), '.tools', 'bin')];
  return folders.map((folder) => join(folder, 'pulumi'));
}

/** The nearest folder above this file with a package.json: the same for sources and for what is built from them. */
function projectFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
