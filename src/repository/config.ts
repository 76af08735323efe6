import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import { seal, type MasterKey } from './crypto.ts';
import { assertPossibleSize, damaged, loadDocument } from './document.ts';
import { chunkerDegree, degree, isIrreducible, randomPolynomial, type Polynomial } from './polynomial.ts';
import type { Id } from './types.ts';

/** The config file: which version, which repository, how its files are cut. Encrypted JSON, never compressed. */
export interface Config {
  version: 1 | 2;
  id: Id;
  polynomial: Polynomial;
}

const configJson = z.object({
  version: z.int(),
  id: z.string().regex(/^[0-9a-f]{64}$/),
  chunker_polynomial: z.string().regex(/^[0-9a-f]{1,16}$/),
});

const configFile = { type: 'config', name: '' } as const;

export async function createConfig(
  storage: Storage,
  key: MasterKey,
  { version = 2, polynomial = randomPolynomial() }: { version?: 1 | 2; polynomial?: Polynomial } = {},
): Promise<Config> {
  const config: Config = { version, id: randomBytes(32).toString('hex'), polynomial };
  const json = { version, id: config.id, chunker_polynomial: polynomial.toString(16) };
  await storage.save(configFile, [seal(key, Buffer.from(JSON.stringify(json)))]);
  return config;
}

/** Throws `repository-damaged` where something lies in its place that can be none. */
export async function hasConfig(storage: Storage): Promise<boolean> {
  const sizeBytes = await storage.size(configFile);
  if (sizeBytes !== undefined) assertPossibleSize({ ...configFile, sizeBytes });
  return sizeBytes !== undefined;
}

/** Throws `repository-damaged`, `repository-unsupported`. */
export async function loadConfig(storage: Storage, key: MasterKey): Promise<Config> {
  const parsed = configJson.safeParse(await loadDocument(storage, key, configFile));
  if (!parsed.success) throw damaged('the config file', parsed.error);
  const { version, id } = parsed.data;
  if (version !== 1 && version !== 2) {
    throw new RelocateError(
      'repository-unsupported',
      `${storage.url} has version ${version} of the format.`,
      {
        facts: { version },
        hint: 'This relocate reads versions 1 and 2. Nothing was changed; a newer relocate or restic can read it.',
      },
    );
  }
  const polynomial = BigInt(`0x${parsed.data.chunker_polynomial}`);
  if (degree(polynomial) !== chunkerDegree || !isIrreducible(polynomial))
    throw damaged('the config file’s polynomial');
  return { version, id, polynomial };
}
