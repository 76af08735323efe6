import { randomBytes, scrypt as scryptCallback } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import type { Storage } from '../storage/storage.ts';
import { idOf, open, seal, type MasterKey } from './crypto.ts';
import { assertPossibleSize, damaged, isDamage } from './document.ts';
import type { Id, KeyInfo } from './types.ts';

/**
 * Key files: the master key, sealed with a key that scrypt makes of a password. Plain JSON, as restic writes it. Every
 * password of a repository has a file of its own; they all hold the same master key.
 */
const bytes64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);
const keyFile = z.object({
  created: z.string(),
  username: z.string(),
  hostname: z.string(),
  kdf: z.literal('scrypt'),
  // Limits keep a hostile key file from taking all memory (128 · N · r bytes) or hours.
  N: z
    .int()
    .min(2)
    .max(2 ** 22)
    .refine((cost) => Number.isInteger(Math.log2(cost)), 'scrypt takes powers of two'),
  r: z.int().min(1).max(64),
  p: z.int().min(1).max(64),
  salt: bytes64,
  data: bytes64,
});
type KeyFile = z.infer<typeof keyFile>;

const keyOf = (bytes: number) =>
  bytes64.transform((text) => Buffer.from(text, 'base64')).refine((key) => key.length === bytes);
const masterKeyJson = z.object({
  mac: z.object({ k: keyOf(16), r: keyOf(16) }),
  encrypt: keyOf(32),
});

/** The least that OWASP's password storage cheat sheet asks of scrypt: a quarter of a second on a server. */
const scryptCost = { N: 32_768, r: 8, p: 3 };
/** What no real key file asks for: restic takes 60 MB for half a second, rustic 128 MiB. */
const maxScryptBytes = 512 * 1024 ** 2;
/** N · r · p; twenty times ours. */
const maxScryptWork = 2 ** 24;

export async function createKey(storage: Storage, master: MasterKey, password: string): Promise<Id> {
  const salt = randomBytes(64);
  const derived = await derive(password, salt, scryptCost);
  const plaintext = JSON.stringify({
    mac: { k: master.macK.toString('base64'), r: master.macR.toString('base64') },
    encrypt: master.encrypt.toString('base64'),
  });
  const file: KeyFile = {
    created: new Date().toISOString(),
    username: userInfo().username,
    hostname: hostname(),
    kdf: 'scrypt',
    ...scryptCost,
    salt: salt.toString('base64'),
    data: seal(derived, Buffer.from(plaintext)).toString('base64'),
  };
  const json = Buffer.from(JSON.stringify(file));
  const name = idOf(json);
  await storage.save({ type: 'key', name }, [json]);
  return name;
}

export interface UnlockOptions {
  /** The key files, where somebody has asked for them already. */
  listing?: ReturnType<Storage['list']>;
  /** Called when another thread is busy with the password. */
  whileDeriving?: () => void;
}

/**
 * Tries every key file. Throws `wrong-password`, or `repository-damaged` where no key file can be read at all.
 */
export async function unlockMaster(
  storage: Storage,
  password: string,
  { listing = storage.list('key'), whileDeriving }: UnlockOptions = {},
): Promise<{ id: Id; master: MasterKey }> {
  const files = (await listing).toSorted(byName);
  const problems: unknown[] = [];
  let tried = 0;
  for (const file of files) {
    try {
      const opening = openKey(file.name, await readKey(storage, file), password);
      whileDeriving?.();
      const master = await opening;
      if (master) return { id: file.name, master };
      tried += 1;
    } catch (error) {
      problems.push(error);
    }
  }
  // A key file that could not be fetched may be the one: the password is not known to be wrong.
  const unread = problems.find((error) => !isDamage(error));
  if (unread !== undefined) throw unread;
  if (tried === 0 && problems.length > 0) throw problems[0];
  if (files.length === 0) throw damaged('the folder of keys, which is empty,');
  throw new RelocateError('wrong-password', `The password does not open ${storage.url}.`, {
    facts: { keysTried: tried, ...(problems.length > 0 ? { keysDamaged: problems.length } : {}) },
    hint: `Nothing was changed. ${problems.length > 0 ? 'Some key files are damaged; it may be the password of one of them. ' : ''}Give the right one with --password-file, --password-command or RELOCATE_PASSWORD.`,
  });
}

export async function listKeyInfos(storage: Storage, current: Id): Promise<KeyInfo[]> {
  const files = (await storage.list('key')).toSorted(byName);
  return Promise.all(
    files.map(async (file) => {
      const { username, hostname, created } = await readKey(storage, file);
      const id = file.name;
      return { id, current: id === current, username, hostname, created };
    }),
  );
}

interface ListedKey {
  name: Id;
  sizeBytes: number;
}

const byName = (a: ListedKey, b: ListedKey): number => (a.name < b.name ? -1 : 1);

/** Throws `repository-damaged` where the file is not what its name says. */
export async function readKey(storage: Storage, { name, sizeBytes }: ListedKey): Promise<KeyFile> {
  assertPossibleSize({ type: 'key', name, sizeBytes });
  const json = await storage.load({ type: 'key', name });
  const what = `key ${name.slice(0, 8)}`;
  if (idOf(json) !== name) throw damaged(what);
  try {
    return keyFile.parse(JSON.parse(json.toString('utf8')));
  } catch (cause) {
    throw damaged(what, cause);
  }
}

async function openKey(name: Id, file: KeyFile, password: string): Promise<MasterKey | undefined> {
  const derived = await derive(password, Buffer.from(file.salt, 'base64'), file);
  const plaintext = open(derived, Buffer.from(file.data, 'base64'));
  if (plaintext === undefined) return undefined;
  try {
    const { mac, encrypt } = masterKeyJson.parse(JSON.parse(plaintext.toString('utf8')));
    return { encrypt, macK: mac.k, macR: mac.r };
  } catch (cause) {
    // A parser’s message quotes what it could not read: here, the master key.
    throw damaged(`key ${name.slice(0, 8)}`, cause instanceof SyntaxError ? undefined : cause);
  }
}

function derive(
  password: string,
  salt: Buffer,
  { N, r, p }: { N: number; r: number; p: number },
): Promise<MasterKey> {
  // Node refuses more than 32 MiB unless told otherwise; restic's own parameters need that and a little more.
  const maxmem = 128 * N * r + 128 * r * p + 1024 * 1024;
  if (128 * N * r > maxScryptBytes || N * r * p > maxScryptWork)
    throw damaged('a key file, which asks for more memory or time than any real one,');
  return new Promise((resolve, reject) => {
    scryptCallback(password, salt, 64, { N, r, p, maxmem }, (error, bytes) => {
      if (error) reject(error);
      else
        resolve({
          encrypt: bytes.subarray(0, 32),
          macK: bytes.subarray(32, 48),
          macR: bytes.subarray(48, 64),
        });
    });
  });
}

/** Throws `usage` where the prefix names none, several, or the key in use. */
export async function removeKey(storage: Storage, idPrefix: string, currentId: Id): Promise<Id> {
  const found = (await storage.list('key'))
    .map((file) => file.name)
    .filter((name) => name.startsWith(idPrefix));
  const [id, ...others] = found;
  if (id === undefined || others.length > 0) {
    throw new RelocateError(
      'usage',
      `${found.length === 0 ? 'No key begins' : 'Several keys begin'} with “${idPrefix}”.`,
      { hint: 'See which there are with: relocate key list' },
    );
  }
  if (id === currentId) {
    throw new RelocateError(
      'usage',
      'That is the key in use; removing it could lock you out. Nothing was changed.',
      { hint: 'Change its password with: relocate key passwd' },
    );
  }
  await storage.remove({ type: 'key', name: id });
  return id;
}

/** Adds a key for the new password, then removes the old one: at no moment is there none. Returns the new one’s ID. */
export async function replaceKey(
  storage: Storage,
  master: MasterKey,
  oldId: Id,
  password: string,
): Promise<Id> {
  const added = await createKey(storage, master, password);
  await storage.remove({ type: 'key', name: oldId });
  return added;
}
