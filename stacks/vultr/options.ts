import { z } from 'zod';
import { orNothing, volumeOption } from '../cloud/options.ts';
import { sshFromOption } from '../cloud/ssh-from.ts';

const schema = z
  .strictObject({
    region: z.string().min(1).default('fra').describe('Vultr’s region, such as fra or ewr. Default: fra.'),
    plan: z
      .string()
      .min(1)
      .optional()
      .describe(
        'As Vultr calls it, such as vc2-2c-4gb. Default: the cheapest in stock that has what the app needs.',
      ),
    volumeGigabytes: volumeOption,
    sshFrom: sshFromOption,
  })
  .readonly();

export type VultrOptions = z.infer<typeof schema>;

export const vultrOptions = orNothing(schema);
