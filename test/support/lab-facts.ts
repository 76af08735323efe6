import { readdirSync } from 'node:fs';
import type { Lab } from '../lab/index.ts';
import { readQuietly } from './read-quietly.ts';

/** What a lab holds and runs, for tests of whole deploys. */

/** Names of everything that is billed, or in the way of others. */
export function heldBy(lab: Lab): string[] {
  const { servers, volumes, primaryIps, networks, firewalls, sshKeys } = lab.state;
  return [servers, volumes, primaryIps, networks, firewalls, sshKeys].flat().map(({ name }) => name);
}

/** One entry a process of the service `web` of the fixture `notes-app` that runs on one of the lab's machines: which one. */
export function serversThatServe(lab: Lab): string[] {
  return servers().flatMap((pid) => machineOf(lab, pid) ?? []);
}

/** The same anywhere: on the lab's machines, and here for deployments below a folder. */
export function placesThatServe(lab: Lab, folder: string): string[] {
  return servers().flatMap((pid) => {
    const machine = machineOf(lab, pid);
    if (machine !== undefined) return [machine];
    return readQuietly(`/proc/${pid}/environ`).includes(`${folder}/`) ? ['here'] : [];
  });
}

function servers(): string[] {
  return readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && readQuietly(`/proc/${pid}/cmdline`) === 'node\0server.js\0',
  );
}

/** Machines are containers whose control groups are named by the lab's number. */
export function machineOf(lab: Lab, pid: string): string | undefined {
  const number = lab.operatorAddress.split('.')[2];
  return new RegExp(`/(rl${number}m\\d+)\\b`).exec(readQuietly(`/proc/${pid}/cgroup`))?.[1];
}
