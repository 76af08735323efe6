import { cloudInit } from '../cloud-init.ts';
import { takeOver } from '../cloud/inventory.ts';
import { requireMachineType } from '../cloud/machine-type.ts';
import { accessOf, firstKeyOf, hostOutput } from '../cloud/machine.ts';
import { partName, type Part } from '../cloud/names.ts';
import { everywhere, sshSources } from '../cloud/ssh-from.ts';
import { tagsOf } from '../cloud/tags.ts';
import { volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest } from '../target.ts';
import { findAll, projectId, scalewayApi } from './api.ts';
import type { ScalewayOptions } from './options.ts';
import { machineTypes, volumeLimits } from './preflight.ts';

/** Operations per second of the volume: the smaller of the two that are offered. */
const iops = 5000;

/** One instance with a block volume and an address that outlive it. */
export async function programScaleway(
  options: ScalewayOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const [{ all, secret }, { SshKey }, { Ip }, { SecurityGroup }, { Server }, { Volume }] = await Promise.all([
    import('@pulumi/pulumi'),
    import('@pulumiverse/scaleway/iam/sshKey.js'),
    import('@pulumiverse/scaleway/instance/ip.js'),
    import('@pulumiverse/scaleway/instance/securityGroup.js'),
    import('@pulumiverse/scaleway/instance/server.js'),
    import('@pulumiverse/scaleway/block/volume.js'),
  ]);

  return async () => {
    const access = accessOf(request);
    const api = scalewayApi();
    const { zone } = options;
    const project = projectId();
    const found = await findAll(api, zone, { deployment: request.deployment });
    const type =
      options.type ??
      found.find(({ part }) => part === 'server')?.type ??
      requireMachineType(await machineTypes(api, options), request.needs).name;
    const base = (part: Part) => ({ zone, projectId: project, tags: tagsOf(request, part) });
    const existing = (part: Part) => takeOver(found, part);

    const key = new SshKey(
      'key',
      { name: partName(request, 'key'), publicKey: firstKeyOf(request), projectId: project },
      existing('key'),
    );
    const address = new Ip('address', { ...base('address'), type: 'routed_ipv4' }, existing('address'));
    const firewall = new SecurityGroup(
      'firewall',
      {
        ...base('firewall'),
        name: partName(request, 'firewall'),
        inboundDefaultPolicy: 'drop',
        outboundDefaultPolicy: 'accept',
        stateful: true,
        inboundRules: address.address
          .apply((to) => sshSources(options.sshFrom, to))
          .apply((sources) => [
            ...sources.map((cidr) => rule('tcp', 22, cidr)),
            ...(request.exposed ?? []).flatMap(({ port, protocol }) =>
              everywhere.map((cidr) => rule(protocol, port, cidr)),
            ),
          ]),
      },
      existing('firewall'),
    );
    const volume = new Volume(
      'volume',
      {
        ...base('volume'),
        name: partName(request, 'volume'),
        sizeInGb: volumeGigabytes(request, volumeLimits, options.volumeGigabytes),
        iops,
      },
      existing('volume'),
    );
    const server = new Server(
      'server',
      {
        ...base('server'),
        name: partName(request, 'server'),
        type,
        image: options.image,
        ipId: address.id,
        securityGroupId: firewall.id,
        additionalVolumeIds: [volume.id],
        cloudInit: secret(volume.id.apply((id) => cloudInit({ access, devices: [deviceOf(id)] }))),
      },
      { ...existing('server'), dependsOn: [key], ignoreChanges: ['cloudInit', 'image'] },
    );
    const host = all([address.address, server.id]).apply(([ip]) => hostOutput(request, ip));
    return { hosts: [host] };
  };
}

/** IDs are `zone/uuid`; the device bears the uuid. */
function deviceOf(id: string): string {
  return `/dev/disk/by-id/scsi-0SCW_sbs_volume-${id.split('/').at(-1) ?? id}`;
}

function rule(protocol: string, port: number, ipRange: string) {
  return { action: 'accept', protocol: protocol.toUpperCase(), port, ipRange };
}
