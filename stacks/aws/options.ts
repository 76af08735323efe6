import { z } from 'zod';
import { orNothing, volumeOption } from '../cloud/options.ts';
import { sshFromOption } from '../cloud/ssh-from.ts';

const schema = z
  .strictObject({
    region: z.string().min(1).default('eu-central-1').describe('AWS region. Default: eu-central-1.'),
    zone: z.string().min(1).optional().describe('Availability zone. Default: the region’s first.'),
    instanceType: z
      .string()
      .min(1)
      .optional()
      .describe('As AWS calls it, such as t3.medium. Default: the smallest that has what the app needs.'),
    image: z
      .string()
      .min(1)
      .optional()
      .describe(
        'ID of a machine image with cloud-init. Default: the newest Debian 12 of Debian’s own account.',
      ),
    volumeGigabytes: volumeOption,
    sshFrom: sshFromOption,
  })
  .readonly();

export type AwsOptions = z.infer<typeof schema>;

export const awsOptions = orNothing(schema);

export const zoneOf = ({ region, zone }: AwsOptions): string => zone ?? `${region}a`;
