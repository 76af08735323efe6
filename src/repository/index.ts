import { RelocateError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import { createConfig, hasConfig, loadConfig } from './config.ts';
import { randomMasterKey, readyCrypto } from './crypto.ts';
import { Engine } from './engine.ts';
import { createKey, unlockMaster } from './key.ts';
import type { Polynomial } from './polynomial.ts';
import type { Repository } from './repository.ts';

/**
 * Makes a repository where there is none. A run that was killed between key and config leaves a key that opens nothing;
 * it is harmless, and the next run makes a new one. Throws `repository-exists`.
 */
export async function createRepository(
  storage: Storage,
  password: string,
  options: { version?: 1 | 2; polynomial?: Polynomial } = {},
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
  await readyCrypto();
  await storage.initialise();
  // Keys of an attempt that never got its config open nothing, and would make a right password look wrong.
  for (const { name } of await storage.list('key')) await storage.remove({ type: 'key', name });
  const master = randomMasterKey();
  const keyId = await createKey(storage, master, password);
  return new Engine(storage, master, await createConfig(storage, master, options), keyId);
}

/** Throws `repository-missing`, `wrong-password`, `repository-damaged`, `repository-unsupported`. */
export async function openRepository(storage: Storage, password: string): Promise<Repository> {
  if (!(await hasConfig(storage))) {
    throw new RelocateError('repository-missing', `There is no repository at ${storage.url}.`, {
      hint: 'Create it with: relocate init --repository — or name another with -r.',
    });
  }
  await readyCrypto();
  const { id, master } = await unlockMaster(storage, password);
  return new Engine(storage, master, await loadConfig(storage, master), id);
}
