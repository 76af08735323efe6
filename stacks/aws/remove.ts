import { RelocateError } from '../../src/errors.ts';
import { asked, awsClient } from './client.ts';

/** Until an instance is gone, its volume and address are in use. */
const longestTerminationSeconds = 300;

/** How a thing of a kind is removed. Throws as `asked`; what is in use still is refused and can be asked again. */
export async function removerAt(
  region: string,
  signal?: AbortSignal,
): Promise<(kind: string, id: string) => Promise<void>> {
  const { ec2, sdk } = await awsClient(region);
  const abort = signal === undefined ? {} : { abortSignal: signal };
  const removers: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
    async instance(id) {
      await ec2.send(new sdk.TerminateInstancesCommand({ InstanceIds: [id] }), abort);
      await sdk.waitUntilInstanceTerminated(
        { client: ec2, maxWaitTime: longestTerminationSeconds },
        { InstanceIds: [id] },
      );
    },
    volume: (id) => ec2.send(new sdk.DeleteVolumeCommand({ VolumeId: id }), abort),
    'elastic-ip': (id) => ec2.send(new sdk.ReleaseAddressCommand({ AllocationId: id }), abort),
    'security-group': (id) => ec2.send(new sdk.DeleteSecurityGroupCommand({ GroupId: id }), abort),
    async 'route-table'(id) {
      const { RouteTables = [] } = await ec2.send(
        new sdk.DescribeRouteTablesCommand({ RouteTableIds: [id] }),
        abort,
      );
      for (const { RouteTableAssociationId: AssociationId } of RouteTables[0]?.Associations ?? []) {
        await ec2.send(new sdk.DisassociateRouteTableCommand({ AssociationId }), abort);
      }
      await ec2.send(new sdk.DeleteRouteTableCommand({ RouteTableId: id }), abort);
    },
    subnet: (id) => ec2.send(new sdk.DeleteSubnetCommand({ SubnetId: id }), abort),
    async 'internet-gateway'(id) {
      const { InternetGateways = [] } = await ec2.send(
        new sdk.DescribeInternetGatewaysCommand({ InternetGatewayIds: [id] }),
        abort,
      );
      for (const { VpcId } of InternetGateways[0]?.Attachments ?? []) {
        await ec2.send(new sdk.DetachInternetGatewayCommand({ InternetGatewayId: id, VpcId }), abort);
      }
      await ec2.send(new sdk.DeleteInternetGatewayCommand({ InternetGatewayId: id }), abort);
    },
    vpc: (id) => ec2.send(new sdk.DeleteVpcCommand({ VpcId: id }), abort),
    'key-pair': (id) => ec2.send(new sdk.DeleteKeyPairCommand({ KeyName: id }), abort),
  };
  return async (kind, id) => {
    const remove = removers[kind];
    if (remove === undefined) throw new RelocateError('internal', `Nobody knows how to remove a ${kind}`);
    await asked(remove(id));
  };
}
