import type { Output } from '@pulumi/pulumi';
import { cloudInit } from '../cloud-init.ts';
import { takeOver } from '../cloud/inventory.ts';
import { accessOf, firstKeyOf, hostOutput } from '../cloud/machine.ts';
import { labelsOf, partName, type Part } from '../cloud/names.ts';
import { loadPackage } from '../cloud/package.ts';
import { isIpv6, sshSources } from '../cloud/ssh-from.ts';
import { volumeGigabytes } from '../cloud/volume.ts';
import type { DeployRequest } from '../target.ts';
import { zoneOf, type AwsOptions } from './options.ts';
import { volumeLimits } from './preflight.ts';
import { lookAround } from './site.ts';

const networkRange = '10.0.0.0/16';
const subnetRange = '10.0.1.0/24';
/** A name for the API; on most machines the volume appears under another one. */
const deviceName = '/dev/sdf';

const loadAws = () =>
  loadPackage('@pulumi/aws', () =>
    Promise.all([
      import('@pulumi/aws/provider.js'),
      import('@pulumi/aws/ec2/vpc.js'),
      import('@pulumi/aws/ec2/subnet.js'),
      import('@pulumi/aws/ec2/internetGateway.js'),
      import('@pulumi/aws/ec2/routeTable.js'),
      import('@pulumi/aws/ec2/routeTableAssociation.js'),
      import('@pulumi/aws/ec2/securityGroup.js'),
      import('@pulumi/aws/ec2/keyPair.js'),
      import('@pulumi/aws/ec2/eip.js'),
      import('@pulumi/aws/ec2/eipAssociation.js'),
      import('@pulumi/aws/ec2/instance.js'),
      import('@pulumi/aws/ec2/volumeAttachment.js'),
      import('@pulumi/aws/ebs/volume.js'),
    ]),
  );

/** One instance with a volume and an elastic address that outlive it, in a network of its own. */
export async function programAws(
  options: AwsOptions,
  request: DeployRequest,
): Promise<() => Promise<Record<string, unknown>>> {
  const { all, secret } = await import('@pulumi/pulumi');
  const [
    { Provider },
    { Vpc },
    { Subnet },
    { InternetGateway },
    { RouteTable },
    { RouteTableAssociation },
    { SecurityGroup },
    { KeyPair },
    { Eip },
    { EipAssociation },
    { Instance },
    { VolumeAttachment },
    { Volume },
  ] = await loadAws();

  return async () => {
    const access = accessOf(request);
    const site = await lookAround(options, request);
    const provider = new Provider('aws', { region: options.region });
    const opts = (part: Part) => ({ provider, ...takeOver(site.found, part) });
    const tags = (part: Part) => ({ Name: partName(request, part), ...labelsOf(request, part) });

    const key = new KeyPair(
      'key',
      { keyName: partName(request, 'key'), publicKey: firstKeyOf(request), tags: tags('key') },
      opts('key'),
    );
    const network = new Vpc(
      'network',
      { cidrBlock: networkRange, enableDnsHostnames: true, tags: tags('network') },
      opts('network'),
    );
    const gateway = new InternetGateway(
      'gateway',
      { vpcId: network.id, tags: tags('gateway') },
      opts('gateway'),
    );
    const subnet = new Subnet(
      'subnet',
      { vpcId: network.id, cidrBlock: subnetRange, availabilityZone: zoneOf(options), tags: tags('subnet') },
      opts('subnet'),
    );
    const router = new RouteTable(
      'router',
      {
        vpcId: network.id,
        routes: [{ cidrBlock: '0.0.0.0/0', gatewayId: gateway.id }],
        tags: tags('router'),
      },
      opts('router'),
    );
    const route = new RouteTableAssociation(
      'route',
      { subnetId: subnet.id, routeTableId: router.id },
      { provider },
    );
    const address = new Eip('address', { domain: 'vpc', tags: tags('address') }, opts('address'));
    const firewall = new SecurityGroup(
      'firewall',
      {
        name: partName(request, 'firewall'),
        description: 'What the app exposes, and SSH',
        vpcId: network.id,
        ingress: [
          {
            protocol: 'tcp',
            fromPort: 22,
            toPort: 22,
            ...splitSources(address.publicIp.apply((to) => sshSources(options.sshFrom, to))),
          },
          ...(request.exposed ?? []).map(({ port, protocol }) => ({
            protocol,
            fromPort: port,
            toPort: port,
            cidrBlocks: ['0.0.0.0/0'],
            ipv6CidrBlocks: ['::/0'],
          })),
        ],
        egress: [
          { protocol: '-1', fromPort: 0, toPort: 0, cidrBlocks: ['0.0.0.0/0'], ipv6CidrBlocks: ['::/0'] },
        ],
        tags: tags('firewall'),
      },
      opts('firewall'),
    );
    const volume = new Volume(
      'volume',
      {
        availabilityZone: zoneOf(options),
        size: volumeGigabytes(request, volumeLimits, options.volumeGigabytes),
        type: 'gp3',
        encrypted: true,
        tags: tags('volume'),
      },
      opts('volume'),
    );
    const server = new Instance(
      'server',
      {
        ami: site.image,
        instanceType: site.instanceType,
        subnetId: subnet.id,
        vpcSecurityGroupIds: [firewall.id],
        keyName: key.keyName,
        // Version 2 of the metadata service: a page that the app fetches for a stranger cannot read the host key.
        metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required' },
        userData: secret(volume.id.apply((id) => cloudInit({ access, devices: devicesOf(id) }))),
        tags: tags('server'),
      },
      { ...opts('server'), dependsOn: [route], ignoreChanges: ['ami', 'userData'] },
    );
    const attachment = new VolumeAttachment(
      'attachment',
      {
        deviceName,
        volumeId: volume.id,
        instanceId: server.id,
        // A file system that is written to is not torn out.
        stopInstanceBeforeDetaching: true,
      },
      { provider },
    );
    const assigned = new EipAssociation(
      'assigned',
      { allocationId: address.id, instanceId: server.id },
      { provider },
    );
    const host = all([address.publicIp, attachment.id, assigned.id]).apply(([ip]) => hostOutput(request, ip));
    return { hosts: [host] };
  };
}

function splitSources(sources: Output<string[]>): {
  cidrBlocks: Output<string[]>;
  ipv6CidrBlocks: Output<string[]>;
} {
  return {
    cidrBlocks: sources.apply((all) => all.filter((cidr) => !isIpv6(cidr))),
    ipv6CidrBlocks: sources.apply((all) => all.filter(isIpv6)),
  };
}

/** Machines with NVMe name a volume's device by its number, older ones by the name it was attached under. */
function devicesOf(id: string): string[] {
  return [`/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${id.replace('-', '')}`, '/dev/xvdf', deviceName];
}
