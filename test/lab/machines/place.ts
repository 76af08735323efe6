import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exclusively } from '../../../src/hosts/exclusive.ts';
import { attempt, run } from './command.ts';

/**
 * A lab is a number: of its folder, its network 198.18.NUMBER.0/24, and the names of its namespaces and devices. The
 * folder says whose it is, so that the next lab can clear away what a killed run left.
 */
export interface Place {
  number: number;
  folder: string;
}

const parent = '/var/tmp';
const prefix = 'relocate-lab-';
/** As many labs at once as there are third bytes of an address. */
const numbers = Array.from({ length: 254 }, (_, index) => index + 1);

/** Names of network devices have at most 15 characters. */
export const labName = (number: number) => `rl${number}`;
export const machineName = (number: number, id: number) => `rl${number}m${id}`;

/** Clears away the leftovers of killed runs, then takes a free number. */
export function takePlace(): Promise<Place> {
  // One at a time: what somebody else has just cleared away and taken must not be cleared away again.
  return exclusively(join(parent, `${prefix}lock`), clearAndTake);
}

async function clearAndTake(): Promise<Place> {
  for (const leftover of await deadPlaces()) await clearPlace(leftover);
  for (const number of numbers) {
    const folder = join(parent, `${prefix}${number}`);
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch {
      continue;
    }
    await writeFile(join(folder, 'owner'), await ownerText(process.pid));
    return { number, folder };
  }
  throw new Error(`all ${numbers.length} labs are in use (${parent}/${prefix}*)`);
}

/** Ends and removes everything that bears the lab's number. Idempotent; also for a lab whose process is gone. */
export async function clearPlace({ number, folder }: Place): Promise<void> {
  await killControlGroups(number);
  // The last first: overlays lie on disks.
  const mounts = (await mountPoints()).filter((path) => path.startsWith(`${folder}/`)).toReversed();
  for (const path of mounts) await attempt('umount', '--lazy', path);
  for (const device of await loopDevices(folder)) await attempt('losetup', '--detach', device);
  const own = new RegExp(`^${labName(number)}(m\\d+)?$`);
  for (const name of await namespaces()) if (own.test(name)) await attempt('ip', 'netns', 'delete', name);
  await attempt('ip', 'link', 'delete', labName(number));
  await rm(folder, { recursive: true, force: true });
}

/** Labs whose process has ended without closing them. */
export async function deadPlaces(): Promise<Place[]> {
  const names = (await readdir(parent)).filter((name) => /^relocate-lab-\d+$/.test(name));
  const places = names.map((name) => ({
    number: Number(name.slice(prefix.length)),
    folder: join(parent, name),
  }));
  const dead = await Promise.all(places.map(async ({ folder }) => !(await isOwned(folder))));
  return places.filter((_, index) => dead[index]);
}

async function isOwned(folder: string): Promise<boolean> {
  const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => '');
  // Just made, and its owner not written down yet.
  if (owner === '')
    return (await run('find', folder, '-maxdepth', '0', '-mmin', '-1').catch(() => '')) !== '';
  return owner === (await ownerText(Number(owner.split(' ')[0])).catch(() => undefined));
}

/** The process and when it started, because numbers of processes are given out again. */
async function ownerText(pid: number): Promise<string> {
  return `${pid} ${await startOf(pid)}`;
}

async function startOf(pid: number): Promise<string> {
  // /proc/PID/stat: the name in brackets may hold anything; start time is field 22 (proc(5)).
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

const wait = (durationMs: number) => new Promise((resolve) => setTimeout(resolve, durationMs));

async function mountPoints(): Promise<string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts.split('\n').map((line) => line.split(' ')[1] ?? '');
}

async function loopDevices(folder: string): Promise<string[]> {
  const lines = (await run('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE')).split('\n');
  return lines.filter((line) => line.includes(`${folder}/`)).map((line) => line.split(' ')[0] ?? '');
}

async function namespaces(): Promise<string[]> {
  return readdir('/run/netns').catch(() => []);
}

/** Where the control groups of version 1, and of version 2 beside them or alone, have their trees. */
export async function controlGroupRoots(): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' '));
  return mounts
    .filter(
      ([, , type, options = '']) =>
        type === 'cgroup2' || (type === 'cgroup' && options.includes('name=systemd')),
    )
    .map(([, path = '']) => path);
}

/** Ends all that runs in the control groups of the lab's machines, and removes them. */
async function killControlGroups(number: number): Promise<void> {
  const listings = await Promise.all((await controlGroupRoots()).map((root) => readdir(root)));
  const own = listings.flat().filter((name) => new RegExp(`^${labName(number)}m\\d+$`).test(name));
  for (const name of new Set(own)) await killControlGroup(name);
}

/** Ends at once whatever runs in the group of that name or below, and removes it; one that is not there is no error. */
export async function killControlGroup(name: string): Promise<void> {
  const groups = (await controlGroupRoots()).map((root) => join(root, name));
  // Only version 2 has the file; what runs in a group of version 1 is in one of version 2 as well.
  for (const group of groups) await writeFile(join(group, 'cgroup.kill'), '1').catch(() => undefined);
  const deadline = Date.now() + 10_000;
  for (const group of groups) {
    while ((await isThere(group)) && Date.now() < deadline) {
      // Only folders can be removed there, the deepest first, and only empty ones.
      await attempt('find', group, '-depth', '-type', 'd', '-delete');
      if (await isThere(group)) await wait(20);
    }
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
