import { glob, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificateFile, readCertificateLog, type Certificate } from '../hosts/certificates.ts';
import { serviceState } from '../hosts/supervisor.ts';
import { frontDoorAddress } from './front-door.ts';
import { frontDoorName } from './plan.ts';
import type { DeployedApp } from './services.ts';

const pollMs = 200;
/** An authority that has said nothing by then is not waited for: the app is reached in clear. */
const patienceMs = 30_000;
const readBytes = 256 * 1024;

/**
 * Of the app's names, and of the host's address where one was asked for. Only that one is waited for, as names can have
 * none before DNS has moved. On the host.
 */
export async function certificatesOf(deployed: DeployedApp, signal: AbortSignal): Promise<Certificate[]> {
  const address = frontDoorAddress(deployed);
  const subjects = [...(address === undefined ? [] : [address]), ...(deployed.app.dns?.names ?? [])];
  if (subjects.length === 0) return [];
  for (const startedAt = performance.now(); ; await sleep(pollMs, undefined, { signal })) {
    const certificates = await look(deployed.host.folder, subjects);
    const isOpen = certificates.some(({ subject, state }) => subject === address && state === 'waiting');
    if (!isOpen || performance.now() - startedAt > patienceMs) return certificates;
  }
}

async function look(folder: string, subjects: readonly string[]): Promise<Certificate[]> {
  const { since, logPath } = await serviceState(folder, frontDoorName);
  const said = since === undefined ? undefined : readCertificateLog(await endOf(logPath), subjects, since);
  return Promise.all(
    subjects.map(async (subject) => {
      const isThere = await hasFile(
        join(folder, frontDoorName, 'certificates', '*', certificateFile(subject)),
      );
      return isThere ? { subject, state: 'there' } : (said?.get(subject) ?? { subject, state: 'waiting' });
    }),
  );
}

async function hasFile(pattern: string): Promise<boolean> {
  for await (const _ of glob(pattern)) return true;
  return false;
}

async function endOf(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, readBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}
