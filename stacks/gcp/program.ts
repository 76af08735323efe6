import { cloudInit } from '../cloud-init.ts';
import { takeOver } from '../cloud/inventory.ts';
import { requireMachineType } from '../cloud/machine-type.ts';
import { accessOf, hostOutput } from '../cloud/machine.ts';
import { labelsOf, partName, type Part } from '../cloud/names.ts';
import { loadPackage } from '../cloud/package.ts';
import { sshSources } from '../cloud/ssh-from.ts';
import { volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest } from '../target.ts';
import { findAll, gcpApi, projectOf } from './api.ts';
import { regionOf, type GcpOptions } from './options.ts';
import { machineTypes, volumeLimits } from './preflight.ts';

const subnetRange = '10.0.1.0/24';
const deviceName = 'relocate';
/** Of the system's disk, which the machine type does not bring along. */
const systemGigabytes = 20;

const loadGcp = () =>
  loadPackage('@pulumi/gcp', () =>
    Promise.all([
      import('@pulumi/gcp/compute/network.js'),
      import('@pulumi/gcp/compute/subnetwork.js'),
      import('@pulumi/gcp/compute/firewall.js'),
      import('@pulumi/gcp/compute/address.js'),
      import('@pulumi/gcp/compute/disk.js'),
      import('@pulumi/gcp/compute/instance.js'),
    ]),
  );

/** One instance with a disk and an address that outlive it, in a network of its own. */
export async function programGcp(
  options: GcpOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const { all, secret } = await import('@pulumi/pulumi');
  const [{ Network }, { Subnetwork }, { Firewall }, { Address }, { Disk }, { Instance }] = await loadGcp();

  return async () => {
    const access = accessOf(request);
    const found = await findAll(options, { deployment: request.deployment });
    const types = await machineTypes(gcpApi(options), options);
    const machineType =
      options.machineType ??
      found.find(({ part }) => part === 'server')?.machineType ??
      requireMachineType(types, request.needs).name;
    const architecture = types.find(({ name }) => name === machineType)?.architecture ?? 'amd64';
    const { zone } = options;
    const project = projectOf(options);
    const base = (part: Part) => ({ name: partName(request, part), project });
    const existing = (part: Part) => takeOver(found, part);

    const network = new Network(
      'network',
      { ...base('network'), autoCreateSubnetworks: false },
      existing('network'),
    );
    const subnet = new Subnetwork(
      'subnet',
      { ...base('subnet'), network: network.id, region: regionOf(zone), ipCidrRange: subnetRange },
      existing('subnet'),
    );
    const address = new Address(
      'address',
      { ...base('address'), region: regionOf(zone), labels: labelsOf(request, 'address') },
      existing('address'),
    );
    const ssh = new Firewall(
      'ssh',
      {
        name: partName(request, 'interface'),
        project,
        network: network.id,
        allows: [{ protocol: 'tcp', ports: ['22'] }],
        sourceRanges: address.address
          .apply((to) => sshSources(options.sshFrom, to))
          // The network is one of IPv4 alone, and a rule takes one kind.
          .apply((sources) => sources.filter((cidr) => !cidr.includes(':'))),
      },
      existing('interface'),
    );
    const exposed = request.exposed ?? [];
    const firewall =
      exposed.length === 0
        ? undefined
        : new Firewall(
            'firewall',
            {
              ...base('firewall'),
              network: network.id,
              allows: exposed.map(({ port, protocol }) => ({ protocol, ports: [String(port)] })),
              sourceRanges: ['0.0.0.0/0'],
            },
            existing('firewall'),
          );
    const volume = new Disk(
      'volume',
      {
        ...base('volume'),
        zone,
        type: 'pd-balanced',
        size: volumeGigabytes(request, volumeLimits, options.volumeGigabytes),
        labels: labelsOf(request, 'volume'),
      },
      existing('volume'),
    );
    const image =
      options.image ?? `ubuntu-os-cloud/ubuntu-2404-lts-${architecture === 'arm64' ? 'arm64' : 'amd64'}`;
    const server = new Instance(
      'server',
      {
        ...base('server'),
        zone,
        machineType,
        bootDisk: { initializeParams: { image, size: systemGigabytes } },
        attachedDisks: [{ source: volume.id, deviceName }],
        networkInterfaces: [{ subnetwork: subnet.id, accessConfigs: [{ natIp: address.address }] }],
        metadata: {
          'user-data': secret(cloudInit({ access, devices: [`/dev/disk/by-id/google-${deviceName}`] })),
          'block-project-ssh-keys': 'true',
        },
        labels: labelsOf(request, 'server'),
        allowStoppingForUpdate: true,
      },
      { ...existing('server'), ignoreChanges: ['metadata', 'bootDisk'] },
    );
    const host = all([address.address, server.id, ssh.id, firewall?.id]).apply(([ip]) =>
      hostOutput(request, ip),
    );
    return { hosts: [host] };
  };
}
