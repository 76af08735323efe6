import type { Access } from './target.ts';

/** Where a machine's data volume is mounted; deployments have a folder each below it. */
export const dataFolder = '/srv/relocate';

/**
 * The unit that mounts the volume. A volume may be attached long after the machine has booted: whoever needs the data
 * folder runs `systemctl start relocate-volume.service`, which returns when it is mounted, and fails when it can't be.
 */
export const volumeUnit = 'relocate-volume.service';

export interface MachineSetup {
  access: Access;
  /**
   * Where the volume's device may appear on the machine, absolute, by names that a restart doesn't change: the first that
   * is there is taken. Empty: no volume.
   */
  devices: readonly string[];
}

/** Who logs in. Every machine that a stack brings up serves one deployment alone, and preparing it takes root. */
export const machineUser = 'root';

/**
 * Pure: user-data as cloud-init reads it (https://docs.cloud-init.io, cloud-config). Holds the private host key. It gives
 * the machine its host key and those who may log in, and mounts the volume; all else is done over SSH.
 */
export function cloudInit({ access, devices }: MachineSetup): string {
  const config = {
    // Else sshd would go on offering the keys that came with the image, too.
    ssh_deletekeys: true,
    ssh_keys: {
      ed25519_private: access.hostKey.privateKey,
      ed25519_public: access.hostKey.publicKey,
    },
    disable_root: false,
    ssh_pwauth: false,
    users: [{ name: machineUser, ssh_authorized_keys: access.authorizedKeys }],
    ...(devices.length === 0 ? {} : volumeSetup(devices)),
  };
  // JSON is YAML, and needs no second thought about quoting.
  return `#cloud-config\n${JSON.stringify(config, null, 2)}\n`;
}

const scriptPath = '/usr/local/sbin/relocate-volume';

function volumeSetup(devices: readonly string[]): Record<string, unknown> {
  return {
    write_files: [
      { path: scriptPath, permissions: '0755', content: mountScript(devices) },
      { path: `/etc/systemd/system/${volumeUnit}`, permissions: '0644', content: unitText },
    ],
    runcmd: [
      ['systemctl', 'daemon-reload'],
      // Not waited for: the volume is attached when the machine has been made, and cloud-init ends before.
      ['systemctl', 'enable', '--now', '--no-block', volumeUnit],
    ],
  };
}

const unitText = `[Unit]
Description=Mount the data volume of relocate
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${scriptPath}
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
`;

/**
 * Not fstab: a mount unit waits for its device by udev, which containers do not have, and cloud-init's own modules skip
 * devices that are not there yet. Nor mkfs by anything that judges by a missing label: only a device that can be read
 * and on which blkid finds nothing at all (exit code 2) is formatted.
 */
function mountScript(devices: readonly string[]): string {
  return `#!/bin/sh
set -eu
folder=${dataFolder}

if mountpoint -q "$folder"; then exit 0; fi
find_device() {
  for device in ${devices.map(quote).join(' ')}; do
    if [ -b "$device" ]; then return 0; fi
  done
  return 1
}
until find_device; do sleep 0.5; done

dd if="$device" of=/dev/null bs=4096 count=1 2>/dev/null
found=0
blkid -p "$device" >/dev/null || found=$?
case $found in
  0) ;;
  2) mkfs.ext4 -q -m 0 -L relocate "$device" ;;
  *) echo "what is on $device cannot be told: it is left as it is" >&2 && exit 1 ;;
esac

mkdir -p "$folder"
mount -o discard,noatime "$device" "$folder"
# A volume that was made larger while it was away.
resize2fs "$device" >/dev/null 2>&1 || true
`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
