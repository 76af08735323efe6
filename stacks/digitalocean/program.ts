import { cloudInit } from '../cloud-init.ts';
import { takeOver } from '../cloud/inventory.ts';
import { requireMachineType } from '../cloud/machine-type.ts';
import { accessOf, firstKeyOf, hostOutput } from '../cloud/machine.ts';
import { partName, type Part } from '../cloud/names.ts';
import { everywhere, sshSources } from '../cloud/ssh-from.ts';
import { tagsOf } from '../cloud/tags.ts';
import { volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest } from '../target.ts';
import { digitaloceanApi, findAll } from './api.ts';
import type { DigitaloceanOptions } from './options.ts';
import { machineTypes, volumeLimits } from './preflight.ts';

/** One droplet with a volume and a reserved address that outlive it. */
export async function programDigitalocean(
  options: DigitaloceanOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const [
    { all, secret },
    { SshKey },
    { Vpc },
    { Firewall },
    { Volume },
    { VolumeAttachment },
    { Droplet },
    { ReservedIp },
  ] = await Promise.all([
    import('@pulumi/pulumi'),
    import('@pulumi/digitalocean/sshKey.js'),
    import('@pulumi/digitalocean/vpc.js'),
    import('@pulumi/digitalocean/firewall.js'),
    import('@pulumi/digitalocean/volume.js'),
    import('@pulumi/digitalocean/volumeAttachment.js'),
    import('@pulumi/digitalocean/droplet.js'),
    import('@pulumi/digitalocean/reservedIp.js'),
  ]);

  return async () => {
    const access = accessOf(request);
    const api = digitaloceanApi();
    const found = await findAll(api, { deployment: request.deployment });
    const size =
      options.size ??
      found.find(({ part }) => part === 'server')?.size ??
      requireMachineType(await machineTypes(api, options), request.needs).name;
    const { region } = options;
    const name = (part: Part) => partName(request, part);
    const existing = (part: Part) => takeOver(found, part);

    const key = new SshKey('key', { name: name('key'), publicKey: firstKeyOf(request) }, existing('key'));
    const network = new Vpc('network', { name: name('network'), region }, existing('network'));
    const volume = new Volume(
      'volume',
      {
        name: name('volume'),
        region,
        size: volumeGigabytes(request, volumeLimits, options.volumeGigabytes),
        tags: tagsOf(request, 'volume'),
      },
      existing('volume'),
    );
    const device = `/dev/disk/by-id/scsi-0DO_Volume_${name('volume')}`;
    const server = new Droplet(
      'server',
      {
        name: name('server'),
        region,
        size,
        image: options.image,
        ipv6: true,
        vpcUuid: network.id,
        sshKeys: [key.fingerprint],
        tags: tagsOf(request, 'server'),
        userData: secret(cloudInit({ access, devices: [device] })),
      },
      { ...existing('server'), ignoreChanges: ['userData', 'sshKeys', 'image', 'vpcUuid'] },
    );
    const serverId = server.id.apply(Number);
    const attachment = new VolumeAttachment('attachment', { dropletId: serverId, volumeId: volume.id });
    const address = new ReservedIp('address', { region, dropletId: serverId }, existing('address'));
    const firewall = new Firewall(
      'firewall',
      {
        name: name('firewall'),
        dropletIds: [serverId],
        inboundRules: address.ipAddress
          .apply((to) => sshSources(options.sshFrom, to))
          .apply((sources) => [
            rule('tcp', 22, sources),
            ...(request.exposed ?? []).map(({ port, protocol }) => rule(protocol, port, everywhere)),
          ]),
        outboundRules: [
          ...['tcp', 'udp'].map((protocol) => ({
            protocol,
            portRange: '1-65535',
            destinationAddresses: everywhere,
          })),
          { protocol: 'icmp', destinationAddresses: everywhere },
        ],
      },
      existing('firewall'),
    );
    const host = all([address.ipAddress, attachment.id, firewall.id]).apply(([ip]) =>
      hostOutput(request, ip),
    );
    return { hosts: [host] };
  };
}

function rule(protocol: string, port: number, sourceAddresses: string[]) {
  return { protocol, portRange: String(port), sourceAddresses };
}
