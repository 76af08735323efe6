import { cloudInit } from '../cloud-init.ts';
import { takeOver } from '../cloud/inventory.ts';
import { requireMachineType } from '../cloud/machine-type.ts';
import { accessOf, firstKeyOf, hostOutput } from '../cloud/machine.ts';
import { labelsOf, partName, type Part } from '../cloud/names.ts';
import { loadPackage } from '../cloud/package.ts';
import { everywhere, sshSources } from '../cloud/ssh-from.ts';
import { volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest } from '../target.ts';
import { azureApi, findAll, findParts } from './api.ts';
import type { AzureOptions } from './options.ts';
import { machineTypes, volumeLimits } from './preflight.ts';

const networkRange = '10.0.0.0/16';
const subnetRange = '10.0.1.0/24';
/** The place of the data disk; Azure's agent names a device by it. */
const lun = 10;
/** Azure wants a user of its own, who is not root; it is given the same key and is not used. */
const adminUsername = 'relocate';

const loadAzure = () =>
  loadPackage('@pulumi/azure', () =>
    Promise.all([
      import('@pulumi/azure/core/resourceGroup.js'),
      import('@pulumi/azure/network/virtualNetwork.js'),
      import('@pulumi/azure/network/subnet.js'),
      import('@pulumi/azure/network/networkSecurityGroup.js'),
      import('@pulumi/azure/network/publicIp.js'),
      import('@pulumi/azure/network/networkInterface.js'),
      import('@pulumi/azure/network/networkInterfaceSecurityGroupAssociation.js'),
      import('@pulumi/azure/compute/managedDisk.js'),
      import('@pulumi/azure/compute/linuxVirtualMachine.js'),
      import('@pulumi/azure/compute/dataDiskAttachment.js'),
    ]),
  );

/** One virtual machine with a disk and an address that outlive it, all in a resource group of the deployment's own. */
export async function programAzure(
  options: AzureOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const { all, secret } = await import('@pulumi/pulumi');
  const [
    { ResourceGroup },
    { VirtualNetwork },
    { Subnet },
    { NetworkSecurityGroup },
    { PublicIp },
    { NetworkInterface },
    { NetworkInterfaceSecurityGroupAssociation },
    { ManagedDisk },
    { LinuxVirtualMachine },
    { DataDiskAttachment },
  ] = await loadAzure();

  return async () => {
    const access = accessOf(request);
    const api = await azureApi();
    const [own] = await findAll(api, { deployment: request.deployment });
    const found = [...(own === undefined ? [] : [own]), ...(await findParts(api, own))];
    const types = await machineTypes(api, options);
    const size = options.vmSize ?? requireMachineType(types, request.needs).name;
    const architecture = types.find(({ name }) => name === size)?.architecture ?? 'amd64';
    const { location } = options;
    const existing = (part: Part) => takeOver(found, part);

    const group = new ResourceGroup(
      'group',
      { name: partName(request, 'group'), location, tags: labelsOf(request, 'group') },
      existing('group'),
    );
    const base = (part: Part) => ({
      name: partName(request, part),
      location,
      resourceGroupName: group.name,
      tags: labelsOf(request, part),
    });
    const network = new VirtualNetwork(
      'network',
      { ...base('network'), addressSpaces: [networkRange] },
      existing('network'),
    );
    const subnet = new Subnet('subnet', {
      name: partName(request, 'subnet'),
      resourceGroupName: group.name,
      virtualNetworkName: network.name,
      addressPrefixes: [subnetRange],
    });
    const address = new PublicIp(
      'address',
      { ...base('address'), allocationMethod: 'Static', sku: 'Standard' },
      existing('address'),
    );
    const firewall = new NetworkSecurityGroup(
      'firewall',
      {
        ...base('firewall'),
        securityRules: address.ipAddress
          .apply((to) => sshSources(options.sshFrom, to))
          .apply((sources) => [
            rule(100, 'tcp', 22, sources),
            ...(request.exposed ?? []).map(({ port, protocol }, index) =>
              rule(200 + index, protocol, port, everywhere),
            ),
          ]),
      },
      existing('firewall'),
    );
    const nic = new NetworkInterface(
      'interface',
      {
        ...base('interface'),
        ipConfigurations: [
          {
            name: 'public',
            subnetId: subnet.id,
            privateIpAddressAllocation: 'Dynamic',
            publicIpAddressId: address.id,
          },
        ],
      },
      existing('interface'),
    );
    const guarded = new NetworkInterfaceSecurityGroupAssociation('guarded', {
      networkInterfaceId: nic.id,
      networkSecurityGroupId: firewall.id,
    });
    const volume = new ManagedDisk(
      'volume',
      {
        ...base('volume'),
        createOption: 'Empty',
        storageAccountType: 'StandardSSD_LRS',
        diskSizeGb: volumeGigabytes(request, volumeLimits, options.volumeGigabytes),
      },
      existing('volume'),
    );
    const devices = [`/dev/disk/azure/scsi1/lun${lun}`, `/dev/disk/azure/data/by-lun/${lun}`];
    const server = new LinuxVirtualMachine(
      'server',
      {
        ...base('server'),
        size,
        networkInterfaceIds: [nic.id],
        adminUsername,
        disablePasswordAuthentication: true,
        adminSshKeys: [{ username: adminUsername, publicKey: firstKeyOf(request) }],
        osDisk: { caching: 'ReadWrite', storageAccountType: 'StandardSSD_LRS' },
        sourceImageReference: {
          publisher: 'Debian',
          offer: 'debian-12',
          sku: architecture === 'arm64' ? '12-arm64' : '12-gen2',
          version: 'latest',
        },
        customData: secret(Buffer.from(cloudInit({ access, devices })).toString('base64')),
      },
      { ...existing('server'), dependsOn: [guarded], ignoreChanges: ['customData', 'adminSshKeys'] },
    );
    const attachment = new DataDiskAttachment('attachment', {
      managedDiskId: volume.id,
      virtualMachineId: server.id,
      lun,
      caching: 'ReadOnly',
    });
    const host = all([address.ipAddress, attachment.id]).apply(([ip]) => hostOutput(request, ip));
    return { hosts: [host] };
  };
}

function rule(priority: number, protocol: string, port: number, sources: readonly string[]) {
  // Azure has a word for both kinds of address at once.
  const from =
    sources === everywhere ? { sourceAddressPrefix: '*' } : { sourceAddressPrefixes: [...sources] };
  return {
    name: `${protocol}-${port}`,
    priority,
    direction: 'Inbound',
    access: 'Allow',
    protocol: protocol === 'tcp' ? 'Tcp' : 'Udp',
    sourcePortRange: '*',
    destinationPortRange: String(port),
    destinationAddressPrefix: '*',
    ...from,
  };
}
