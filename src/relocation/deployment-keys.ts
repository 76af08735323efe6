import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import type { Repository, RepositoryKey } from '../repository/repository.ts';
import { writeDurably } from './durable-file.ts';
import { deploymentLayout } from './layout.ts';

/**
 * What a deployment's passwords are derived from. It is itself derived, from the key of the repository that the deploy
 * began with, its lead: nothing is stored. Where the app has several copies their keys are all different, so it is also
 * kept beside the journal, sealed with the key of each other copy: then whichever copy is left is enough to go on.
 */
export type DeriveSecret = (purpose: string) => string;

const keysFile = z.object({
  keysVersion: z.literal(1),
  /** The lead's ID. */
  lead: z.string(),
  /** By the ID of another copy: base64 of IV, ciphertext and tag (AES-256-GCM). */
  sealed: z.record(z.string(), z.base64()),
});
type KeysFile = z.infer<typeof keysFile>;

/** The copy that a deploy begins with; its ID and URL go into the journal. */
export function leadOf({ copies, id, url }: Repository): { id: string; url: string } {
  const lead = copies.find(({ key }) => key !== undefined);
  return { id: lead?.key?.id ?? id, url: lead?.url ?? url };
}

/** Text of keys.json for the copies that are open; undefined where there is none but the lead. */
export function sealKeys(repository: Repository, deployment: string, leadId: string): string | undefined {
  const keys = keysOf(repository);
  const lead = keys.get(leadId);
  const others = [...keys.values()].filter(({ id }) => id !== leadId);
  if (lead === undefined || others.length === 0) return undefined;
  const root = rootOf(lead, deployment);
  const file: KeysFile = {
    keysVersion: 1,
    lead: leadId,
    sealed: Object.fromEntries(others.map((key) => [key.id, seal(key, deployment, leadId, root)])),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/**
 * What the deployment's secrets are derived with; undefined where none of the open copies can tell. `leadId` is
 * undefined for a deployment whose journal is damaged: then the engine itself tells whether it was the right one.
 */
export async function findSecrets(
  repository: Repository,
  { deployment, folder, leadId }: { deployment: string; folder: string; leadId: string | undefined },
): Promise<DeriveSecret | undefined> {
  const keys = keysOf(repository);
  const file = await readKeys(folder);
  const lead = keys.get(leadId ?? file?.lead ?? leadOf(repository).id);
  if (lead !== undefined) return fromRoot(rootOf(lead, deployment));
  for (const key of keys.values()) {
    const root = file && unseal(key, deployment, file.lead, file.sealed[key.id]);
    if (root !== undefined) return fromRoot(root);
  }
  return undefined;
}

/** Copies that were out of reach when the deploy began, and are there now, shall be enough from here on too. */
export async function addKeys(
  repository: Repository,
  { deployment, folder, leadId }: { deployment: string; folder: string; leadId: string },
): Promise<void> {
  const text = sealKeys(repository, deployment, leadId);
  const before = (await readKeys(folder))?.sealed ?? {};
  const isNews = [...keysOf(repository).keys()].some((id) => id !== leadId && before[id] === undefined);
  if (text === undefined || !isNews) return;
  const file = keysFile.parse(JSON.parse(text));
  const all = { ...file, sealed: { ...before, ...file.sealed } };
  await writeDurably(deploymentLayout.keys(folder), `${JSON.stringify(all, null, 2)}\n`);
}

function keysOf({ copies }: Repository): Map<string, RepositoryKey> {
  return new Map(copies.flatMap(({ key }) => (key === undefined ? [] : [[key.id, key] as const])));
}

const rootOf = (lead: RepositoryKey, deployment: string): Buffer =>
  Buffer.from(lead.deriveSecret(`deployment/${deployment}`), 'hex');

const fromRoot =
  (root: Buffer): DeriveSecret =>
  (purpose) =>
    Buffer.from(hkdfSync('sha256', root, '', purpose, 32)).toString('hex');

const sealingKey = (key: RepositoryKey, deployment: string): Buffer =>
  Buffer.from(key.deriveSecret(`deployment/${deployment}/sealing`), 'hex');

const ivBytes = 12;
const tagBytes = 16;

function seal(key: RepositoryKey, deployment: string, lead: string, root: Buffer): string {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(key, deployment), iv);
  cipher.setAAD(Buffer.from(lead));
  return Buffer.concat([iv, cipher.update(root), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

/** Undefined for what this key did not seal, or not as it stands there now. */
function unseal(
  key: RepositoryKey,
  deployment: string,
  lead: string,
  sealed: string | undefined,
): Buffer | undefined {
  const bytes = Buffer.from(sealed ?? '', 'base64');
  if (bytes.length <= ivBytes + tagBytes) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(key, deployment), bytes.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(lead)).setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** A file that is damaged or not there holds no key; the lead itself is enough without it. */
async function readKeys(folder: string): Promise<KeysFile | undefined> {
  try {
    return keysFile.parse(JSON.parse(await readFile(deploymentLayout.keys(folder), 'utf8')));
  } catch {
    return undefined;
  }
}
