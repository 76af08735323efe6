import { collect, distanceFinding, listed, ok, refused } from '../cloud/findings.ts';
import { chooseMachineType, type MachineType } from '../cloud/machine-type.ts';
import { sshFromFinding } from '../cloud/ssh-from.ts';
import { volumeFinding } from '../cloud/volume.ts';
import type { DeployRequest, Finding } from '../target.ts';
import { asked, awsClient, isDryRunAllowed, provider } from './client.ts';
import { zoneOf, type AwsOptions } from './options.ts';

/** Of gp3, in gigabytes: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html */
export const volumeLimits = { smallest: 1, largest: 16_384 };

/** Families that fit an app of any kind; others are taken when they are named. */
const generalFamilies = /^(t3|t3a|t4g|m6i|m6g|m7i|m7g)\./;

/** Asks the API, and makes nothing. */
export function preflightAws(
  options: AwsOptions,
  request: DeployRequest,
  signal?: AbortSignal,
): Promise<Finding[]> {
  return collect(async (add) => {
    const { ec2, sdk } = await awsClient(options.region);
    const abort = signal === undefined ? {} : { abortSignal: signal };
    const askedAt = performance.now();
    const { Regions = [] } = await asked(ec2.send(new sdk.DescribeRegionsCommand({}), abort));
    const roundTripMs = performance.now() - askedAt;
    add(ok('credentials', 'AWS takes the credentials'), await mayMake());
    add(distanceFinding(provider, roundTripMs));
    add(volumeFinding(request, volumeLimits, options.volumeGigabytes));

    const regions = Regions.flatMap(({ RegionName }) => RegionName ?? []);
    if (regions.includes(options.region)) {
      const { AvailabilityZones = [] } = await asked(
        ec2.send(new sdk.DescribeAvailabilityZonesCommand({}), abort),
      );
      const zones = AvailabilityZones.flatMap(({ ZoneName }) => ZoneName ?? []);
      const zone = zoneOf(options);
      if (zones.includes(zone)) {
        add(ok('location', zone));
        const types = await machineTypes(options, signal);
        add(...chooseMachineType(types, request.needs, options.instanceType).findings);
      } else {
        add(refused('location', `There is no zone ${zone}`, `There are: ${listed(zones)}.`));
      }
    } else {
      add(
        refused(
          'location',
          `There is no region ${options.region} for this account`,
          `There are: ${listed(regions)}.`,
        ),
      );
    }
    add(await quota());
    add(
      ok('price', 'AWS tells no prices by this API', {
        hint: 'They stand at https://aws.amazon.com/ec2/pricing/on-demand/, https://aws.amazon.com/ebs/pricing/ and https://aws.amazon.com/vpc/pricing/ (public addresses).',
      }),
    );
    add(
      await sshFromFinding(
        options.sshFrom,
        process.env['AWS_ENDPOINT_URL'] ?? `https://ec2.${options.region}.amazonaws.com`,
      ),
    );

    /** AWS carries out nothing of a dry run, and says whether it would have. */
    async function mayMake(): Promise<Finding> {
      try {
        await ec2.send(
          new sdk.CreateVolumeCommand({ AvailabilityZone: zoneOf(options), Size: 1, DryRun: true }),
          abort,
        );
      } catch (error) {
        if (!isDryRunAllowed(error)) {
          return asked(Promise.reject(error instanceof Error ? error : new Error(String(error))));
        }
      }
      return ok('permissions', 'the credentials may make volumes');
    }

    async function quota(): Promise<Finding> {
      const { AccountAttributes = [] } = await asked(
        ec2.send(new sdk.DescribeAccountAttributesCommand({ AttributeNames: [] }), abort),
      );
      const { Addresses = [] } = await asked(ec2.send(new sdk.DescribeAddressesCommand({}), abort));
      const most = Number(
        AccountAttributes.find(({ AttributeName }) => AttributeName === 'vpc-max-elastic-ips')
          ?.AttributeValues?.[0]?.AttributeValue ?? Number.NaN,
      );
      const facts = `${Addresses.length} elastic addresses of ${Number.isNaN(most) ? 'an untold number' : most} are in use`;
      if (Addresses.length < most || Number.isNaN(most)) return ok('quota', facts);
      return refused(
        'quota',
        `No elastic address is left: ${facts}`,
        'Release one, or ask AWS for more (Service Quotas).',
      );
    }
  });
}

/** What the zone offers, in the SDK's words turned into ours. No prices: AWS tells them elsewhere. */
export async function machineTypes(options: AwsOptions, signal?: AbortSignal): Promise<MachineType[]> {
  const { ec2, sdk } = await awsClient(options.region);
  const abort = signal === undefined ? {} : { abortSignal: signal };
  const offered = new Set<string>();
  const Filters = [{ Name: 'location', Values: [zoneOf(options)] }];
  for (let NextToken: string | undefined, more = true; more;) {
    const page = await asked(
      ec2.send(
        new sdk.DescribeInstanceTypeOfferingsCommand({
          LocationType: 'availability-zone',
          Filters,
          NextToken,
        }),
        abort,
      ),
    );
    for (const { InstanceType } of page.InstanceTypeOfferings ?? []) offered.add(InstanceType ?? '');
    ({ NextToken } = page);
    more = NextToken !== undefined && NextToken !== '';
  }
  const types: MachineType[] = [];
  for (let NextToken: string | undefined, more = true; more;) {
    const page = await asked(ec2.send(new sdk.DescribeInstanceTypesCommand({ NextToken }), abort));
    for (const { InstanceType, VCpuInfo, MemoryInfo, ProcessorInfo } of page.InstanceTypes ?? []) {
      const name: string = InstanceType ?? '';
      if (!generalFamilies.test(name) && name !== options.instanceType) continue;
      types.push({
        name,
        cores: VCpuInfo?.DefaultVCpus ?? 0,
        memoryBytes: (MemoryInfo?.SizeInMiB ?? 0) * 1024 ** 2,
        architecture: ProcessorInfo?.SupportedArchitectures?.includes('arm64') === true ? 'arm64' : 'amd64',
        inStock: offered.has(name),
      });
    }
    ({ NextToken } = page);
    more = NextToken !== undefined && NextToken !== '';
  }
  return types;
}
