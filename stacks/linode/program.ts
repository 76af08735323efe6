import { cloudInit } from '../cloud-init.ts';
import { takeOver } from '../cloud/inventory.ts';
import { requireMachineType } from '../cloud/machine-type.ts';
import { accessOf, firstKeyOf, hostOutput } from '../cloud/machine.ts';
import { partName, type Part } from '../cloud/names.ts';
import { everywhere, isIpv6, sourcesBefore } from '../cloud/ssh-from.ts';
import { tagsOf } from '../cloud/tags.ts';
import { volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest } from '../target.ts';
import { findAll, linodeApi, linodeEndpoint, shortLabel } from './api.ts';
import type { LinodeOptions } from './options.ts';
import { machineTypes, volumeLimits } from './preflight.ts';

/** One Linode with a volume that outlives it. Its address does not: Linode reserves none by its Pulumi package. */
export async function programLinode(
  options: LinodeOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const [{ all, secret }, { SshKey }, { Firewall }, { Volume }, { Instance }] = await Promise.all([
    import('@pulumi/pulumi'),
    import('@pulumi/linode/sshKey.js'),
    import('@pulumi/linode/firewall.js'),
    import('@pulumi/linode/volume.js'),
    import('@pulumi/linode/instance.js'),
  ]);

  return async () => {
    const access = accessOf(request);
    const api = linodeApi();
    const found = await findAll(api, { deployment: request.deployment });
    const type =
      options.type ??
      found.find(({ part }) => part === 'server')?.type ??
      requireMachineType(await machineTypes(api, options), request.needs).name;
    const { region } = options;
    const label = (part: Part) => partName(request, part, shortLabel);
    const existing = (part: Part) => takeOver(found, part);
    const sources = await sourcesBefore(options.sshFrom, linodeEndpoint());

    const key = new SshKey('key', { label: label('key'), sshKey: firstKeyOf(request) }, existing('key'));
    const firewall = new Firewall(
      'firewall',
      {
        label: label('firewall'),
        inboundPolicy: 'DROP',
        outboundPolicy: 'ACCEPT',
        inbounds: [
          rule('ssh', 'tcp', 22, sources),
          ...(request.exposed ?? []).map(({ port, protocol }) =>
            rule(`${protocol}-${port}`, protocol, port, everywhere),
          ),
        ],
        tags: tagsOf(request, 'firewall'),
      },
      existing('firewall'),
    );
    const userData = cloudInit({
      access,
      devices: [`/dev/disk/by-id/scsi-0Linode_Volume_${label('volume')}`],
    });
    const server = new Instance(
      'server',
      {
        label: partName(request, 'server'),
        region,
        type,
        image: options.image,
        authorizedKeys: [key.sshKey],
        firewallId: firewall.id.apply(Number),
        tags: tagsOf(request, 'server'),
        metadatas: [{ userData: secret(Buffer.from(userData).toString('base64')) }],
      },
      { ...existing('server'), ignoreChanges: ['metadatas', 'authorizedKeys', 'image'] },
    );
    const volume = new Volume(
      'volume',
      {
        label: label('volume'),
        region,
        size: volumeGigabytes(request, volumeLimits, options.volumeGigabytes),
        linodeId: server.id.apply(Number),
        tags: tagsOf(request, 'volume'),
      },
      existing('volume'),
    );
    const host = all([server.ipAddress, volume.id]).apply(([ip]) => hostOutput(request, ip));
    return { hosts: [host] };
  };
}

function rule(label: string, protocol: string, port: number, sources: readonly string[]) {
  const ipv4s = sources.filter((cidr) => !isIpv6(cidr));
  const ipv6s = sources.filter(isIpv6);
  return {
    label,
    action: 'ACCEPT',
    protocol: protocol.toUpperCase(),
    ports: String(port),
    ...(ipv4s.length === 0 ? {} : { ipv4s }),
    ...(ipv6s.length === 0 ? {} : { ipv6s }),
  };
}
