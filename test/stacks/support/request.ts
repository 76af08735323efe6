import type { DeployRequest } from '../../../stacks/target.ts';

/** What a provider's stack is asked for, with keys that open nothing. */
export function requestFor(deployment: string, more: Partial<DeployRequest> = {}): DeployRequest {
  return {
    app: 'guestbook',
    deployment,
    folder: `/srv/relocate/${deployment}`,
    services: { kind: 'procfile', names: ['web', 'worker'] },
    databases: [{ name: 'db', kind: 'postgres', majorVersion: 15, sizeBytes: 1000 }],
    sizeBytes: 20e9,
    needs: { memoryBytes: 2 * 1024 ** 3, cores: 2, diskBytes: 10 * 1024 ** 3, architectures: [] },
    exposed: [
      { port: 80, protocol: 'tcp' },
      { port: 443, protocol: 'tcp' },
      { port: 443, protocol: 'udp' },
    ],
    access: {
      authorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Y relocate'],
      hostKey: {
        privateKey: privateHostKey,
        publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHost guestbook',
      },
    },
    protectData: true,
    ...more,
  };
}

/** Must appear in clear nowhere. */
export const privateHostKey = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbi1zZXNhbWUtNDcxMQ\n-----END-----\n';
