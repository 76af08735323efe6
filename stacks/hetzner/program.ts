import type { Output } from '@pulumi/pulumi';
import { RelocateError } from '../../src/errors.ts';
import { cloudInit } from '../cloud-init.ts';
import type { Api } from '../cloud/api.ts';
import { takeOver } from '../cloud/inventory.ts';
import { requireMachineType } from '../cloud/machine-type.ts';
import { accessOf, firstKeyOf, hostOutput } from '../cloud/machine.ts';
import { labelsOf, partName, type Part } from '../cloud/names.ts';
import { sshSources } from '../cloud/ssh-from.ts';
import { volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest } from '../target.ts';
import { hetznerApi, listAll, locationSchema, serverTypeSchema } from './api.ts';
import { findAll, setProtection, withoutOwnId, type HetznerFound } from './inventory.ts';
import type { HetznerOptions } from './options.ts';
import { volumeLimits } from './preflight.ts';
import { machineTypesAt } from './server-types.ts';

const networkRange = '10.0.0.0/16';
const subnetRange = '10.0.1.0/24';

/**
 * One server with a volume and addresses of its own behind a firewall. Volume and addresses outlive the server, so that
 * one can be put in its place.
 */
export async function programHetzner(
  options: HetznerOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const [
    { all, interpolate, secret },
    { SshKey },
    { Network },
    { NetworkSubnet },
    { Firewall },
    { PrimaryIp },
    { Volume },
    { VolumeAttachment },
    { Server },
  ] = await Promise.all([
    import('@pulumi/pulumi'),
    import('@pulumi/hcloud/sshKey.js'),
    import('@pulumi/hcloud/network.js'),
    import('@pulumi/hcloud/networkSubnet.js'),
    import('@pulumi/hcloud/firewall.js'),
    import('@pulumi/hcloud/primaryIp.js'),
    import('@pulumi/hcloud/volume.js'),
    import('@pulumi/hcloud/volumeAttachment.js'),
    import('@pulumi/hcloud/server.js'),
  ]);

  return async () => {
    const access = accessOf(request);
    const site = await lookAround(options, request);
    const { location } = options;
    const base = (part: Part) => ({ name: partName(request, part), labels: labelsOf(request, part) });
    const existing = (part: Part) => takeOver(site.found, part);

    const key = new SshKey('key', { ...base('key'), publicKey: firstKeyOf(request) }, existing('key'));
    const network = new Network(
      'network',
      { ...base('network'), ipRange: networkRange },
      existing('network'),
    );
    const subnet = new NetworkSubnet(
      'subnet',
      {
        networkId: number(network.id),
        type: 'cloud',
        networkZone: site.networkZone,
        ipRange: subnetRange,
      },
      existing('subnet'),
    );
    const address = new PrimaryIp(
      'address',
      { ...base('address'), type: 'ipv4', location, autoDelete: false },
      existing('address'),
    );
    const address6 = new PrimaryIp(
      'address6',
      { ...base('address6'), type: 'ipv6', location, autoDelete: false },
      existing('address6'),
    );
    const firewall = new Firewall(
      'firewall',
      {
        ...base('firewall'),
        rules: [
          rule(
            'tcp',
            22,
            address.ipAddress.apply((to) => sshSources(options.sshFrom, to)),
          ),
          ...(request.exposed ?? []).map(({ port, protocol }) => rule(protocol, port, ['0.0.0.0/0', '::/0'])),
        ],
      },
      existing('firewall'),
    );
    const volume = new Volume(
      'volume',
      {
        ...base('volume'),
        location,
        size: site.volumeGigabytes,
        deleteProtection: request.protectData ?? false,
      },
      existing('volume'),
    );
    const server = new Server(
      'server',
      {
        ...base('server'),
        serverType: site.serverType,
        image: options.image,
        location,
        sshKeys: [key.id],
        firewallIds: [number(firewall.id)],
        publicNets: [
          {
            ipv4Enabled: true,
            ipv4: number(address.id),
            ipv6Enabled: true,
            ipv6: number(address6.id),
          },
        ],
        networks: [{ networkId: number(network.id) }],
        userData: secret(
          volume.id.apply((id) => cloudInit({ access, devices: [`/dev/disk/by-id/scsi-0HC_Volume_${id}`] })),
        ),
      },
      {
        ...existing('server'),
        dependsOn: [subnet],
        // Names are unique in a project.
        deleteBeforeReplace: true,
        ignoreChanges: readOnlyAtCreation,
      },
    );
    const attachment = new VolumeAttachment(
      'attachment',
      { volumeId: number(volume.id), serverId: number(server.id) },
      existing('attachment'),
    );
    const host = all([address.ipAddress, server.id, attachment.id]).apply(([ip]) => hostOutput(request, ip));
    return { hosts: [host], address6: interpolate`${address6.ipAddress}` };
  };
}

const number = (id: Output<string>): Output<number> => id.apply(Number);

function rule(protocol: string, port: number, sourceIps: string[] | Output<string[]>) {
  return { direction: 'in', protocol, port: String(port), sourceIps };
}

/**
 * The API does not tell these of a server, or does so in other words; a server that was taken over would differ in them.
 * And none of them is worth a new machine once the app is on it.
 */
const readOnlyAtCreation = [
  'userData',
  'sshKeys',
  'publicNets',
  'networks',
  'image',
  'keepDisk',
  'shutdownBeforeDeletion',
  'ignoreRemoteFirewallIds',
];

interface Site {
  /** What there is already, whether the stack's state knows it or not. */
  found: HetznerFound[];
  networkZone: string;
  serverType: string;
  volumeGigabytes: number;
}

/** What is there stays as it is: a type that is cheaper today does not move a running app, and no volume is cut short. */
async function lookAround(options: HetznerOptions, request: DeployRequest): Promise<Site> {
  const api = hetznerApi();
  const own = await findAll(api, { deployment: request.deployment });
  const locations = await listAll(api, '/locations', locationSchema, { name: options.location });
  const zone = locations.find(({ name }) => name === options.location)?.network_zone;
  if (zone === undefined) throw refusal(`There is no location ${options.location}`);
  const server = own.find(({ part }) => part === 'server');
  const volume = own.find(({ part }) => part === 'volume');
  if (volume !== undefined && volume.isProtected !== (request.protectData ?? false)) {
    await setProtection(api, 'volume', volume.id, request.protectData ?? false);
  }
  const wanted = volumeGigabytes(request, volumeLimits, options.volumeGigabytes);
  return {
    found: [...own, ...withoutOwnId(own)],
    networkZone: zone,
    serverType: options.serverType ?? server?.serverType ?? (await chooseNow(api, options, request)),
    volumeGigabytes: Math.max(wanted, volume?.sizeGigabytes ?? 0),
  };
}

async function chooseNow(api: Api, options: HetznerOptions, request: DeployRequest): Promise<string> {
  const types = await listAll(api, '/server_types', serverTypeSchema);
  return requireMachineType(machineTypesAt(types, options.location, ''), request.needs).name;
}

function refusal(message: string): RelocateError {
  return new RelocateError('provision-failed', message, { hint: 'Nothing was made.' });
}
