import { sshKeyFromSeed } from '../../src/hosts/ssh/keys.ts';
import { hetzner } from '../../stacks/hetzner.ts';
import type { TargetCase } from '../contract/target.ts';
import { type Lab, startLab } from '../lab/index.ts';

let lab: Lab | undefined;
const client = sshKeyFromSeed('11'.repeat(32), 'relocate');
const host = sshKeyFromSeed('22'.repeat(32), 'guestbook');

/**
 * What the contract suite needs to know of the target `hetzner`: the real engine, a provider plugin of ours by the name of
 * the official one, and Hetzner's API as the lab serves it, without machines behind it.
 */
export const hetznerCase: TargetCase = {
  target: hetzner,
  options: {},
  wrongOptions: { locatoin: 'fsn1' },
  async setUp() {
    lab = await startLab({ machines: 'none', actionMs: 5 });
    const before = { ...process.env };
    Object.assign(process.env, lab.environment);
    return async () => {
      for (const name of Object.keys(lab?.environment ?? {})) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
      await lab?.close();
    };
  },
  request: (deployment) => ({
    // Keys are one of a kind in a project.
    access: { authorizedKeys: [keyOf(deployment)], hostKey: host },
    exposed: [{ port: 443, protocol: 'tcp' }],
    protectData: true,
  }),
  secrets: () => [lab?.token ?? '', host.privateKey.slice(120, 170)],
  async residue({ deployment }) {
    await lab?.settled();
    const { servers, volumes, primaryIps, firewalls, networks, sshKeys } = lab!.state;
    return [servers, volumes, primaryIps, firewalls, networks, sshKeys]
      .flat()
      .filter(({ labels }) => labels['relocate-deployment'] === deployment)
      .map(({ name }) => name);
  },
};

function keyOf(deployment: string): string {
  const seed = Buffer.from(deployment.padEnd(32, '.')).subarray(0, 32).toString('hex');
  return sshKeyFromSeed(seed, client.publicKey.split(' ')[2] ?? '').publicKey;
}
