import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { PackedFile } from './tar.ts';

/** This program itself, as it goes to a host. */
export interface OwnBuild {
  files: PackedFile[];
  /** Of all paths and contents. */
  digest: string;
  /** The agent's program, as a path in the build. */
  program: string;
}

/** What no host needs: they are for who provisions, or for storages that the operator reads for the host. */
const leftOut = [/^@pulumi\//, /^@azure\//, /^@aws-sdk\//, /^google-auth-library$/, /^ora$/, /^ssh2$/];

/** The compiled program, or its sources where these run, and the packages that it needs there. */
export async function ownBuild(platform: string, arch: string): Promise<OwnBuild> {
  const here = fileURLToPath(import.meta.url);
  const ending = here.slice(-3);
  const programRoot = join(dirname(here), '../../..');
  // From dist, the project's folder lies one above.
  const root = programRoot.endsWith(`${sep}dist`) ? dirname(programRoot) : programRoot;
  const own = [join(programRoot, 'src'), join(programRoot, 'stacks')];
  const sources = await Promise.all(own.map((folder) => filesBelow(folder, (name) => name.endsWith(ending))));
  const packages = await Promise.all(
    (await neededPackages(root)).map((folder) =>
      filesBelow(folder, (name) => isNeeded(name, platform, arch)),
    ),
  );
  const paths = [join(root, 'package.json'), ...sources.flat(), ...packages.flat()].toSorted();
  const files = paths.map((from) => ({ from, path: relative(root, from) }));
  return {
    files,
    digest: await digestOf(files),
    program: relative(root, join(programRoot, 'src/cli', `agent-main${ending}`)),
  };
}

/** The programs' own folders in node_modules, and those of what they need, wherever npm has put them. */
async function neededPackages(root: string): Promise<string[]> {
  const found = new Set<string>();
  const add = async (from: string): Promise<void> => {
    const { dependencies = {}, optionalDependencies = {} } = await manifestOf(from);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (leftOut.some((pattern) => pattern.test(name))) continue;
      const folder = await locate(from, name, root);
      if (folder === undefined || found.has(folder) || (await isOfPulumi(folder))) continue;
      found.add(folder);
      await add(folder);
    }
  };
  await add(root);
  return [...found];
}

/** Whatever its name is: what needs the engine is for stacks, and these are brought up from here. */
async function isOfPulumi(folder: string): Promise<boolean> {
  const { dependencies, peerDependencies } = await manifestOf(folder);
  return '@pulumi/pulumi' in { ...dependencies, ...peerDependencies };
}

const names = z.record(z.string(), z.string()).optional();
const manifestSchema = z.object({
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
});
type Manifest = z.infer<typeof manifestSchema>;

async function manifestOf(folder: string): Promise<Manifest> {
  return manifestSchema.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
}

/** As Node looks for it: in the folder's node_modules, then in those above. */
async function locate(from: string, name: string, root: string): Promise<string | undefined> {
  const folder = join(from, 'node_modules', name);
  if (await isThere(join(folder, 'package.json'))) return folder;
  return from === root || from === dirname(from) ? undefined : locate(dirname(from), name, root);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Types, maps and words are for people; libraries of other systems for other hosts. */
function isNeeded(name: string, platform: string, arch: string): boolean {
  if (/\.(d\.[cm]?ts|[cm]?ts|map|md|c|cc|cpp|h|hh|inc|txt|def|lib|asm|S)$/.test(name)) return false;
  if (!name.endsWith('.node')) return true;
  return name.includes(`${platform}_${arch}`) || name.includes(`${platform}-${arch}`);
}

/** Packages inside of packages are found by who needs them. */
async function filesBelow(folder: string, isWanted: (path: string) => boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path, isWanted);
      return entry.isFile() && isWanted(path) ? [path] : [];
    }),
  );
  return found.flat();
}

export async function digestOf(files: readonly PackedFile[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { path, from } of files) {
    hash.update(`${path}\0`);
    hash.update(typeof from === 'string' ? await readFile(from) : from);
  }
  return hash.digest('hex').slice(0, 32);
}
