import type { Access } from '../../stacks/target.ts';
import { sshKeyFromSeed, type SshKey } from '../hosts/ssh/keys.ts';
import type { DeriveSecret } from './deployment-keys.ts';

/** The key that opens a deployment's hosts. Derived, so that whoever opens the repository opens them too. */
export function clientKeyOf(deriveSecret: DeriveSecret, deployment: string): SshKey {
  return sshKeyFromSeed(deriveSecret('ssh/client-key'), `relocate ${deployment}`);
}

/** What a stack puts on the machines it makes. Holds the hosts' private key. */
export function accessOf(deriveSecret: DeriveSecret, deployment: string): Access {
  return {
    authorizedKeys: [clientKeyOf(deriveSecret, deployment).publicKey],
    hostKey: sshKeyFromSeed(deriveSecret('ssh/host-key'), `relocate ${deployment}`),
  };
}
