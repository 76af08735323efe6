import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { RelocateError, systemCodeOf } from '../errors.ts';

/**
 * Ports of this machine that deployments hold. A lease is a file named by the port, so that two deployments never get
 * the same one even while neither listens yet. It stays until `releasePorts`, whatever happens to its owner.
 */
export interface PortOwner {
  /** The deployment's folder: unique on the machine. */
  folder: string;
  /** The service or database that will listen. */
  name: string;
}

export interface PortRange {
  from: number;
  /** Inclusive. */
  to: number;
}

const leaseSchema = z.object({ folder: z.string(), name: z.string() });

/** One place for all deployments of this user; the leases of other users show as ports in use once they listen. */
export const portLeases = (): string => join(stateHome(), 'ports');

/** What relocate keeps of this user's deployments outside of their own folders. */
export const stateHome = (): string =>
  join(process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'), 'relocate');

/** The owner's port: the one it holds already, else a free one that is leased now. Throws `provision-failed`. */
export async function leasePort(leases: string, owner: PortOwner, range: PortRange): Promise<number> {
  await mkdir(leases, { recursive: true, mode: 0o700 });
  const held = await readLeases(leases);
  const own = held.find((lease) => isOwner(lease.owner, owner));
  if (own !== undefined) return own.port;

  const taken = new Set(held.map((lease) => lease.port));
  for (let port = range.from; port <= range.to; port += 1) {
    if (taken.has(port) || !(await isFree(port))) continue;
    if (await claim(leases, port, owner)) return port;
  }
  throw new RelocateError('provision-failed', `No free port between ${range.from} and ${range.to}`, {
    facts: { from: range.from, to: range.to, leased: taken.size },
    hint: 'Destroy deployments that are not needed any more, or set a wider portRange for the target.',
  });
}

/** Frees the port of one owner, or all ports of a deployment's folder. What is free already is no error. */
export async function releasePorts(
  leases: string,
  owner: Pick<PortOwner, 'folder'> & Partial<PortOwner>,
): Promise<void> {
  for (const lease of await readLeases(leases)) {
    if (lease.owner?.folder !== owner.folder) continue;
    if (owner.name !== undefined && lease.owner.name !== owner.name) continue;
    await unlink(join(leases, String(lease.port))).catch(ignoreMissing);
  }
}

export async function holdsPort(leases: string, owner: PortOwner, port: number): Promise<boolean> {
  return isOwner(await readOwner(leases, port), owner);
}

async function readLeases(leases: string): Promise<{ port: number; owner: PortOwner | undefined }[]> {
  const names = await readdir(leases).catch(() => []);
  const ports = names.filter((name) => /^\d+$/.test(name)).map(Number);
  return Promise.all(ports.map(async (port) => ({ port, owner: await readOwner(leases, port) })));
}

async function readOwner(leases: string, port: number): Promise<PortOwner | undefined> {
  try {
    return leaseSchema.parse(JSON.parse(await readFile(join(leases, String(port)), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Links a complete file to the lease's name: at no moment does a lease exist without its owner. */
async function claim(leases: string, port: number, owner: PortOwner): Promise<boolean> {
  const draft = join(leases, `.${randomBytes(8).toString('hex')}`);
  await writeFile(draft, JSON.stringify(owner), { flag: 'wx', mode: 0o600 });
  try {
    await link(draft, join(leases, String(port)));
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft).catch(ignoreMissing);
  }
}

/** Bound to every address: a service may listen on more than the loopback. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function isOwner(found: PortOwner | undefined, owner: PortOwner): boolean {
  return found?.folder === owner.folder && found.name === owner.name;
}

function ignoreMissing(error: unknown): void {
  if (systemCodeOf(error) !== 'ENOENT') throw error;
}
