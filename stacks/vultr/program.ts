import type { Output } from '@pulumi/pulumi';
import { cloudInit } from '../cloud-init.ts';
import { takeOver } from '../cloud/inventory.ts';
import { requireMachineType } from '../cloud/machine-type.ts';
import { accessOf, firstKeyOf, hostOutput } from '../cloud/machine.ts';
import { partName, type Part } from '../cloud/names.ts';
import { everywhere, sourcesBefore } from '../cloud/ssh-from.ts';
import { tagsOf } from '../cloud/tags.ts';
import { volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest } from '../target.ts';
import { findAll, vultrApi, vultrEndpoint } from './api.ts';
import type { VultrOptions } from './options.ts';
import { machineTypes, volumeLimits } from './preflight.ts';

/** Debian 12 x64: https://api.vultr.com/v2/os */
const debian12 = 2136;

/** One instance with block storage and a reserved address that outlive it. */
export async function programVultr(
  options: VultrOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const [
    { all, secret },
    { SSHKey },
    { FirewallGroup },
    { FirewallRule },
    { BlockStorage },
    { ReservedIp },
    { Instance },
  ] = await Promise.all([
    import('@pulumi/pulumi'),
    import('@ediri/vultr/sshkey.js'),
    import('@ediri/vultr/firewallGroup.js'),
    import('@ediri/vultr/firewallRule.js'),
    import('@ediri/vultr/blockStorage.js'),
    import('@ediri/vultr/reservedIp.js'),
    import('@ediri/vultr/instance.js'),
  ]);

  return async () => {
    const access = accessOf(request);
    const api = vultrApi();
    const found = await findAll(api, { deployment: request.deployment });
    const plan =
      options.plan ??
      found.find(({ part }) => part === 'server')?.plan ??
      requireMachineType(await machineTypes(api, options), request.needs).name;
    const { region } = options;
    const label = (part: Part) => partName(request, part);
    const existing = (part: Part) => takeOver(found, part);

    const key = new SSHKey('key', { name: label('key'), sshKey: firstKeyOf(request) }, existing('key'));
    const firewall = new FirewallGroup('firewall', { description: label('firewall') }, existing('firewall'));
    const sources = await sourcesBefore(options.sshFrom, vultrEndpoint());
    for (const cidr of sources) openPort(firewall.id, 'tcp', 22, cidr);
    for (const { port, protocol } of request.exposed ?? []) {
      for (const cidr of everywhere) openPort(firewall.id, protocol, port, cidr);
    }
    const address = new ReservedIp(
      'address',
      { region, ipType: 'v4', label: label('address') },
      existing('address'),
    );
    const server = new Instance(
      'server',
      {
        region,
        plan,
        osId: debian12,
        label: label('server'),
        hostname: label('server'),
        sshKeyIds: [key.id],
        firewallGroupId: firewall.id,
        reservedIpId: address.id,
        enableIpv6: true,
        tags: tagsOf(request, 'server'),
        // The first disk is the system's own; the storage is the only other one.
        userData: secret(cloudInit({ access, devices: ['/dev/vdb'] })),
      },
      { ...existing('server'), ignoreChanges: ['userData', 'sshKeyIds', 'reservedIpId'] },
    );
    const volume = new BlockStorage(
      'volume',
      {
        region,
        label: label('volume'),
        sizeGb: volumeGigabytes(request, volumeLimits, options.volumeGigabytes),
        blockType: 'high_perf',
        attachedToInstance: server.id,
        live: true,
      },
      existing('volume'),
    );
    const host = all([address.subnet, server.id, volume.id]).apply(([ip]) => hostOutput(request, ip));
    return { hosts: [host] };
  };

  function openPort(firewallGroupId: Output<string>, protocol: string, port: number, cidr: string): void {
    const [subnet = '', size] = cidr.split('/');
    const ipType = cidr.includes(':') ? 'v6' : 'v4';
    void new FirewallRule(`open-${port}-${protocol}-${cidr.replaceAll(/[^\da-f]/g, '-')}`, {
      firewallGroupId,
      protocol,
      ipType,
      subnet,
      subnetSize: Number(size),
      port: String(port),
    });
  }
}
