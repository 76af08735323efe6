import type { Tag } from '@aws-sdk/client-ec2';
import { readLabels, type Found } from '../cloud/inventory.ts';
import { labelKeys, shorten } from '../cloud/names.ts';
import type { Labelled } from '../target.ts';
import { asked, awsClient } from './client.ts';
import { removerAt } from './remove.ts';

interface Listed {
  id: string | undefined;
  tags: Tag[] | undefined;
}

/** Everything that carries the labels, in an order in which it can be removed. Changes nothing. */
export async function findAll(region: string, which: Labelled, signal?: AbortSignal): Promise<Found[]> {
  const { ec2, sdk } = await awsClient(region);
  const abort = signal === undefined ? {} : { abortSignal: signal };
  const [key, value] =
    'deployment' in which
      ? [labelKeys.deployment, shorten(which.deployment)]
      : [labelKeys.app, shorten(which.app)];
  const query = { Filters: [{ Name: `tag:${key}`, Values: [value] }] };
  const remove = await removerAt(region, signal);

  // What hangs on other things comes first.
  const lists: [kind: string, list: Promise<Listed[]>][] = [
    ['instance', instances()],
    ['volume', volumes()],
    ['elastic-ip', addresses()],
    ['security-group', groups()],
    ['route-table', tables()],
    ['subnet', subnets()],
    ['internet-gateway', gateways()],
    ['vpc', networks()],
    ['key-pair', keys()],
  ];
  const all = await Promise.all(lists.map(async ([kind, list]) => ({ kind, things: await asked(list) })));
  return all.flatMap(({ kind, things }) =>
    things.flatMap(({ id, tags = [] }): Found[] => {
      const own = Object.fromEntries(tags.map(({ Key = '', Value }) => [Key, Value]));
      const labels = readLabels(own, which);
      if (labels === undefined || id === undefined) return [];
      return [{ kind, id, name: own['Name'] ?? id, ...labels, remove: () => remove(kind, id) }];
    }),
  );

  async function instances(): Promise<Listed[]> {
    const { Reservations = [] } = await ec2.send(new sdk.DescribeInstancesCommand(query), abort);
    // Those that are gone are shown for an hour.
    return Reservations.flatMap(({ Instances = [] }) => Instances)
      .filter(({ State }) => State?.Name !== 'terminated')
      .map(({ InstanceId: id, Tags: tags }) => ({ id, tags }));
  }
  async function volumes(): Promise<Listed[]> {
    const { Volumes = [] } = await ec2.send(new sdk.DescribeVolumesCommand(query), abort);
    return Volumes.map(({ VolumeId: id, Tags: tags }) => ({ id, tags }));
  }
  async function addresses(): Promise<Listed[]> {
    const { Addresses = [] } = await ec2.send(new sdk.DescribeAddressesCommand(query), abort);
    return Addresses.map(({ AllocationId: id, Tags: tags }) => ({ id, tags }));
  }
  async function groups(): Promise<Listed[]> {
    const { SecurityGroups = [] } = await ec2.send(new sdk.DescribeSecurityGroupsCommand(query), abort);
    return SecurityGroups.map(({ GroupId: id, Tags: tags }) => ({ id, tags }));
  }
  async function tables(): Promise<Listed[]> {
    const { RouteTables = [] } = await ec2.send(new sdk.DescribeRouteTablesCommand(query), abort);
    return RouteTables.map(({ RouteTableId: id, Tags: tags }) => ({ id, tags }));
  }
  async function subnets(): Promise<Listed[]> {
    const { Subnets = [] } = await ec2.send(new sdk.DescribeSubnetsCommand(query), abort);
    return Subnets.map(({ SubnetId: id, Tags: tags }) => ({ id, tags }));
  }
  async function gateways(): Promise<Listed[]> {
    const { InternetGateways = [] } = await ec2.send(new sdk.DescribeInternetGatewaysCommand(query), abort);
    return InternetGateways.map(({ InternetGatewayId: id, Tags: tags }) => ({ id, tags }));
  }
  async function networks(): Promise<Listed[]> {
    const { Vpcs = [] } = await ec2.send(new sdk.DescribeVpcsCommand(query), abort);
    return Vpcs.map(({ VpcId: id, Tags: tags }) => ({ id, tags }));
  }
  async function keys(): Promise<Listed[]> {
    const { KeyPairs = [] } = await ec2.send(new sdk.DescribeKeyPairsCommand(query), abort);
    return KeyPairs.map(({ KeyName: id, Tags: tags }) => ({ id, tags }));
  }
}
