import { z } from 'zod';
import { orNothing, volumeOption } from '../cloud/options.ts';
import { sshFromOption } from '../cloud/ssh-from.ts';

const schema = z
  .strictObject({
    region: z
      .string()
      .min(1)
      .default('fra1')
      .describe('DigitalOcean’s region, such as fra1 or nyc3. Default: fra1.'),
    size: z
      .string()
      .min(1)
      .optional()
      .describe(
        'As DigitalOcean calls it, such as s-2vcpu-4gb. Default: the cheapest that has what the app needs.',
      ),
    image: z
      .string()
      .min(1)
      .default('debian-12-x64')
      .describe('System of the droplet. Default: debian-12-x64.'),
    volumeGigabytes: volumeOption,
    sshFrom: sshFromOption,
  })
  .readonly();

export type DigitaloceanOptions = z.infer<typeof schema>;

export const digitaloceanOptions = orNothing(schema);
