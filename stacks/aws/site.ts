import { RelocateError } from '../../src/errors.ts';
import type { Found } from '../cloud/inventory.ts';
import { chooseMachineType } from '../cloud/machine-type.ts';
import type { DeployRequest } from '../target.ts';
import { asked, awsClient } from './client.ts';
import { findAll } from './inventory.ts';
import type { AwsOptions } from './options.ts';
import { machineTypes } from './preflight.ts';

/** Debian's own account: https://wiki.debian.org/Cloud/AmazonEC2Image */
const debianAccount = '136693071363';

export interface Site {
  /** What there is already, whether the stack's state knows it or not. */
  found: Found[];
  image: string;
  instanceType: string;
}

/** What is there stays as it is: neither a newer image nor another choice of type moves a running app. */
export async function lookAround(options: AwsOptions, request: DeployRequest): Promise<Site> {
  const found = await findAll(options.region, { deployment: request.deployment });
  const server = found.find(({ part }) => part === 'server');
  const now = server === undefined ? undefined : await describeServer(options, server.id);
  const chosen = options.instanceType ?? now?.instanceType;
  const types = await machineTypes(options);
  const { type, findings } = chooseMachineType(types, request.needs, chosen);
  const name = chosen ?? type?.name;
  if (name === undefined) throw refusal(findings.map(({ message }) => message).join('; '));
  const architecture = types.find((one) => one.name === name)?.architecture ?? 'amd64';
  const image = options.image ?? now?.image ?? (await newestDebian(options, architecture));
  return { found, image, instanceType: name };
}

async function describeServer(options: AwsOptions, id: string) {
  const { ec2, sdk } = await awsClient(options.region);
  const { Reservations = [] } = await asked(
    ec2.send(new sdk.DescribeInstancesCommand({ InstanceIds: [id] })),
  );
  const instance = Reservations[0]?.Instances?.[0];
  return { instanceType: instance?.InstanceType, image: instance?.ImageId };
}

async function newestDebian(options: AwsOptions, architecture: string): Promise<string> {
  const { ec2, sdk } = await awsClient(options.region);
  const Filters = [{ Name: 'name', Values: [`debian-12-${architecture}-*`] }];
  const { Images = [] } = await asked(
    ec2.send(new sdk.DescribeImagesCommand({ Owners: [debianAccount], Filters })),
  );
  const [newest] = Images.toSorted((one, other) =>
    (other.CreationDate ?? '').localeCompare(one.CreationDate ?? ''),
  );
  if (newest?.ImageId !== undefined) return newest.ImageId;
  throw refusal(
    `${options.region} has no image of Debian 12 for ${architecture}; name one in the target’s options`,
  );
}

function refusal(message: string): RelocateError {
  return new RelocateError('provision-failed', message, { hint: 'Nothing was made.' });
}
