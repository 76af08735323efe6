import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import hcloud from '@pulumi/hcloud';
import { secret } from '@pulumi/pulumi';
import { LocalWorkspace, PulumiCommand } from '@pulumi/pulumi/automation/index.js';
import { findPulumi } from '../../../src/relocation/pulumi-cli.ts';

/** One action of the real engine on a little stack: a process, as the program is one. Prints what came of it as JSON. */
export interface Orders {
  action: 'up' | 'refresh' | 'destroy';
  folder: string;
  shape: Shape;
}

export interface Shape {
  publicKey: string;
  port: string;
  volumeGb: number;
  serverType: string;
  userData: string;
  labels: Record<string, string>;
  protect: boolean;
  /** Server's ID at the provider, to be taken over instead of being made. */
  adopt?: string;
}

const { action, folder, shape } = JSON.parse(await text(process.stdin)) as Orders;

async function program(): Promise<Record<string, unknown>> {
  const { labels } = shape;
  const common = (name: string) => ({ name, labels });
  const key = new hcloud.SshKey('key', { ...common('key'), publicKey: shape.publicKey });
  const network = new hcloud.Network('network', { ...common('network'), ipRange: '10.0.0.0/16' });
  const subnet = new hcloud.NetworkSubnet('subnet', {
    networkId: network.id.apply(Number),
    type: 'cloud',
    networkZone: 'eu-central',
    ipRange: '10.0.1.0/24',
  });
  const rules = [{ direction: 'in', protocol: 'tcp', port: shape.port, sourceIps: ['0.0.0.0/0', '::/0'] }];
  const firewall = new hcloud.Firewall('firewall', { ...common('firewall'), rules });
  const place = { type: 'ipv4', location: 'fsn1', autoDelete: false };
  const address = new hcloud.PrimaryIp('address', { ...common('address'), ...place });
  const volume = new hcloud.Volume('volume', {
    ...common('volume'),
    size: shape.volumeGb,
    location: 'fsn1',
    deleteProtection: shape.protect,
  });
  const server = new hcloud.Server(
    'server',
    {
      ...common('server'),
      serverType: shape.serverType,
      image: 'debian-12',
      location: 'fsn1',
      sshKeys: [key.id],
      userData: secret(shape.userData),
      firewallIds: [firewall.id.apply(Number)],
      publicNets: [{ ipv4: address.id.apply(Number), ipv4Enabled: true, ipv6Enabled: true }],
      networks: [{ networkId: network.id.apply(Number) }],
    },
    {
      dependsOn: [subnet],
      deleteBeforeReplace: true,
      ...(shape.adopt === undefined
        ? {}
        : { import: shape.adopt, ignoreChanges: ['userData', 'sshKeys', 'publicNets', 'networks'] }),
    },
  );
  const attachment = new hcloud.VolumeAttachment('attachment', {
    volumeId: volume.id.apply(Number),
    serverId: server.id.apply(Number),
  });
  return {
    ip: address.ipAddress,
    serverIp: server.ipv4Address,
    serverId: server.id,
    attached: attachment.serverId,
  };
}

const engine = join(folder, 'engine');
const state = join(folder, 'state');
await Promise.all([engine, state].map((one) => mkdir(one, { recursive: true })));
const stack = await LocalWorkspace.createOrSelectStack(
  { projectName: 'lab', stackName: 'test', program },
  {
    pulumiCommand: await PulumiCommand.get({ root: join(await findPulumi(), '../..') }),
    workDir: engine,
    pulumiHome: join(folder, 'home'),
    projectSettings: { name: 'lab', runtime: 'nodejs', backend: { url: pathToFileURL(state).href } },
    envVars: {
      PULUMI_CONFIG_PASSPHRASE: 'secret',
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      PULUMI_ACCESS_TOKEN: '',
    },
  },
);
const quiet = { suppressProgress: true, color: 'never' } as const;
try {
  say(await perform());
} catch (error) {
  // Caught here: the SDK has its own way with what nobody catches, and ends with 0.
  process.stderr.write(String(error));
  process.exitCode = 1;
}

async function perform(): Promise<unknown> {
  if (action === 'destroy') return { changes: (await stack.destroy(quiet)).summary.resourceChanges };
  if (action === 'refresh') return { changes: (await stack.refresh(quiet)).summary.resourceChanges };
  const { outputs, summary } = await stack.up(quiet);
  return { outputs, changes: summary.resourceChanges };
}

function say(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
