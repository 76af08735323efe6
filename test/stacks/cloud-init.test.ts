import { describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { cloudInit, volumeUnit } from '../../stacks/cloud-init.ts';

const run = promisify(execFile);

const access = {
  authorizedKeys: ['ssh-ed25519 AAAAclient relocate', 'ssh-ed25519 AAAAother "quoted" \'twice\''],
  hostKey: {
    privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbg==\n-----END OPENSSH PRIVATE KEY-----\n',
    publicKey: 'ssh-ed25519 AAAAhost guestbook',
  },
};

interface Config {
  ssh_keys: Record<string, string>;
  users: { name: string; ssh_authorized_keys: string[] }[];
  write_files?: { path: string; permissions: string; content: string }[];
  runcmd?: string[][];
  [key: string]: unknown;
}

function configOf(devices: string[]): Config {
  const text = cloudInit({ access, devices });
  expect(text.startsWith('#cloud-config\n')).toBe(true);
  return parse(text) as Config;
}

const fileOf = (config: Config, ending: string) =>
  config.write_files?.find(({ path }) => path.endsWith(ending))?.content ?? '';

test('the machine has the host key that was agreed, no other, and takes keys alone', () => {
  expect(configOf([])).toEqual({
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: access.hostKey.privateKey, ed25519_public: access.hostKey.publicKey },
    disable_root: false,
    ssh_pwauth: false,
    users: [{ name: 'root', ssh_authorized_keys: access.authorizedKeys }],
  });
});

test('a volume’s device is named in the script that mounts it, whatever is in its name', () => {
  const config = configOf(["/dev/disk/by-id/it's", '/dev/xvdf']);
  expect(fileOf(config, 'relocate-volume')).toContain(`'/dev/disk/by-id/it'\\''s' '/dev/xvdf'`);
  expect(fileOf(config, volumeUnit)).toContain('ExecStart=/usr/local/sbin/relocate-volume');
  expect(config.runcmd?.at(-1)).toEqual(['systemctl', 'enable', '--now', '--no-block', volumeUnit]);
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const onLinuxAsRoot = canMount ? describe : describe.skip;

// Skipped, and shown as such, where there is no Linux or no root: mounting takes both.
onLinuxAsRoot('mounting a volume, on a real block device', () => {
  /** Runs the script in a mount namespace of its own, with an empty /srv; then `after`, and gives what that writes. */
  async function mounted(prepare: (image: string) => Promise<void>, after: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'relocate-volume-'));
    const image = join(folder, 'disk');
    let device = '';
    try {
      await writeFile(image, '');
      await truncate(image, 64 * 1024 * 1024);
      await prepare(image);
      device = (await run('losetup', ['--find', '--show', image])).stdout.trim();
      const script = join(folder, 'script');
      await writeFile(script, fileOf(configOf(['/dev/no-such', device]), 'relocate-volume'));
      const command = `mount -t tmpfs none /srv && sh "$SCRIPT" && ${after}`;
      // What a test put into the folder stands before the system's programs.
      const env = {
        ...process.env,
        SCRIPT: script,
        PATH: `${folder}:${process.env['PATH']}:/usr/sbin:/sbin`,
      };
      return (await run('unshare', ['--mount', 'sh', '-c', command], { env })).stdout;
    } finally {
      if (device !== '') await run('losetup', ['--detach', device]);
      await rm(folder, { recursive: true });
    }
  }

  test('an empty one is formatted', async () => {
    const seen = await mounted(
      () => Promise.resolve(),
      'findmnt -n -o FSTYPE /srv/relocate && touch /srv/relocate/x',
    );
    expect(seen.trim()).toBe('ext4');
  });

  test('one that holds data is left as it is', async () => {
    const seen = await mounted(async (image) => {
      const tree = await mkdtemp(join(tmpdir(), 'relocate-tree-'));
      await writeFile(join(tree, 'precious'), 'still here');
      await run('mkfs.ext4', ['-q', '-d', tree, image]);
      await rm(tree, { recursive: true });
    }, 'cat /srv/relocate/precious');
    expect(seen).toBe('still here');
  });

  test('one that cannot be told what it holds is neither formatted nor mounted', async () => {
    // 8 is what blkid says of a device that several file systems claim.
    const blkid = (folder: string) =>
      writeFile(join(folder, 'blkid'), '#!/bin/sh\nexit 8\n', { mode: 0o755 });
    await expect(mounted((image) => blkid(dirname(image)), 'true')).rejects.toMatchObject({
      stderr: expect.stringContaining('left as it is'),
    });
  });

  test('a second run finds it mounted', async () => {
    expect(await mounted(() => Promise.resolve(), 'sh "$SCRIPT" && mountpoint /srv/relocate')).toContain(
      'is a mountpoint',
    );
  });
});
