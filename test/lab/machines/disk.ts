import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { attempt, run } from './command.ts';

/** A file of that size, holding nothing and taking no room, as a block device. Resolves to the device. */
export async function makeDevice(file: string, sizeBytes: number): Promise<string> {
  const handle = await open(file, 'wx', 0o600);
  await handle.truncate(sizeBytes);
  await handle.close();
  return (await run('losetup', '--find', '--show', file)).trim();
}

export async function growDevice(device: string, file: string, sizeBytes: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.truncate(sizeBytes);
  await handle.close();
  await run('losetup', '--set-capacity', device);
}

/** A device still mounted goes when it is let go of. */
export async function removeDevice(device: string, file: string): Promise<void> {
  await attempt('losetup', '--detach', device);
  await rm(file, { force: true });
}

export async function format(device: string, type: string): Promise<void> {
  // Without writing all of it: a sparse file stays one.
  const lazy =
    type === 'ext4'
      ? ['-q', '-F', '-E', 'lazy_itable_init=1,lazy_journal_init=1,nodiscard']
      : ['-q', '-f', '-K'];
  await run(`mkfs.${type}`, ...lazy, device);
}

/** The kernel's number of a device, e.g. `7 12`. */
export async function deviceNumber(device: string): Promise<[string, string]> {
  const [major = '', minor = ''] = (await run('stat', '--format=%Hr %Lr', device)).trim().split(' ');
  return [major, minor];
}

/**
 * A machine's own disk of its full size, and on it, over the tree that all share, its root. Docker's own layers lie
 * beside: an overlay can't lie on an overlay.
 */
export async function makeRoot(folder: string, tree: string, sizeBytes: number): Promise<string> {
  const disk = join(folder, 'disk');
  const root = join(folder, 'root');
  const device = await makeDevice(join(folder, 'disk.img'), sizeBytes);
  await format(device, 'ext4');
  await mkdir(disk);
  await mkdir(root);
  await run('mount', '-o', 'noatime', device, disk);
  for (const name of ['upper', 'work', 'docker']) await mkdir(join(disk, name));
  await run(
    'mount',
    '-t',
    'overlay',
    '-o',
    `lowerdir=${tree},upperdir=${disk}/upper,workdir=${disk}/work`,
    'overlay',
    root,
  );
  return device;
}

export async function removeRoot(folder: string, device: string): Promise<void> {
  await attempt('umount', '--lazy', join(folder, 'root'));
  await attempt('umount', '--lazy', join(folder, 'disk'));
  await removeDevice(device, join(folder, 'disk.img'));
}
