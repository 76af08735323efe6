import { z } from 'zod';
import { orNothing, volumeOption } from '../cloud/options.ts';
import { sshFromOption } from '../cloud/ssh-from.ts';

const schema = z
  .strictObject({
    region: z
      .string()
      .min(1)
      .default('de-fra-2')
      .describe('Linode’s region, such as de-fra-2. Default: de-fra-2.'),
    type: z
      .string()
      .min(1)
      .optional()
      .describe(
        'As Linode calls it, such as g6-standard-2. Default: the cheapest in stock that has what the app needs.',
      ),
    image: z
      .string()
      .min(1)
      .default('linode/debian12')
      .describe('System of the Linode. Default: linode/debian12.'),
    volumeGigabytes: volumeOption,
    sshFrom: sshFromOption,
  })
  .readonly();

export type LinodeOptions = z.infer<typeof schema>;

export const linodeOptions = orNothing(schema);
