import { RelocateError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import type { Compression } from './compression.ts';
import { createConfig, hasConfig, loadConfig } from './config.ts';
import { randomMasterKey } from './crypto.ts';
import type { Engine } from './engine.ts';
import { createKey, unlockMaster } from './key.ts';
import type { Polynomial } from './polynomial.ts';
import type { Repository } from './repository.ts';
import type { WriterOptions } from './writer.ts';

/**
 * Makes a repository where there is none. A run that was killed between key and config leaves a key that opens nothing;
 * it is harmless, and the next run makes a new one. Throws `repository-exists`, `repository-damaged` where only the config is lost.
 */
export async function createRepository(
  storage: Storage,
  password: string,
  options: { version?: 1 | 2; polynomial?: Polynomial; compression?: Compression } = {},
): Promise<Repository> {
  if (await hasConfig(storage)) {
    throw new RelocateError(
      'repository-exists',
      `There is a repository at ${storage.url} already. It was not touched.`,
      {
        hint: 'Use it as it is: relocate snapshot',
      },
    );
  }
  await assertNoRemains(storage);
  await storage.initialise();
  // Keys of an attempt that never got its config open nothing, and would make a right password look wrong.
  for (const { name } of await storage.list('key')) await storage.remove({ type: 'key', name });
  const master = randomMasterKey();
  const keyId = await createKey(storage, master, password);
  const config = await createConfig(storage, master, options);
  return makeEngine(storage, master, config, keyId, { compression: options.compression ?? 'auto' });
}

export interface OpenRepositoryOptions extends Partial<WriterOptions> {
  /** Called when the password is being turned into the key, which takes a quarter of a second of another thread. */
  whileUnlocking?: (() => void) | undefined;
}

/** Throws `repository-missing`, `wrong-password`, `repository-damaged`, `repository-unsupported`. */
export async function openRepository(
  storage: Storage,
  password: string,
  { compression = 'auto', threadCount, whileUnlocking }: OpenRepositoryOptions = {},
): Promise<Repository> {
  // On a distant storage each question is a way there and back.
  const listing = storage.list('key');
  listing.catch(() => {});
  if (!(await hasConfig(storage))) {
    await assertNoRemains(storage);
    throw new RelocateError('repository-missing', `There is no repository at ${storage.url}.`, {
      hint: 'Name another one with -r, or create this one with: relocate init --repository',
    });
  }
  const { id, master } = await unlockMaster(storage, password, {
    listing,
    whileDeriving() {
      engineModule().catch(() => {});
      whileUnlocking?.();
    },
  });
  return makeEngine(storage, master, await loadConfig(storage, master), id, { compression, threadCount });
}

/** Loaded while the password is turned into the key. */
const engineModule = () => import('./engine.ts');

async function makeEngine(...parts: ConstructorParameters<typeof Engine>): Promise<Engine> {
  const module = await engineModule();
  return new module.Engine(...parts);
}

/** A repository that lost its config can be mended, but not any more once its keys are gone or another lies over it. */
async function assertNoRemains(storage: Storage): Promise<void> {
  for (const type of ['snapshot', 'index', 'pack'] as const) {
    const files = await storage.list(type);
    if (files.length === 0) continue;
    throw new RelocateError(
      'repository-damaged',
      `The repository at ${storage.url} has lost its config file: there is none, but ${files.length} ${type} files are.`,
      {
        facts: { file: 'config', [type]: files.length },
        hint: 'Nothing was changed. Copy the file “config” there from another copy of this repository; make no new one in its place.',
      },
    );
  }
}
