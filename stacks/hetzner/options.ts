import { z } from 'zod';
import { sshFromOption } from '../cloud/ssh-from.ts';
import { orNothing, volumeOption } from '../cloud/options.ts';

const schema = z
  .strictObject({
    location: z
      .string()
      .min(1)
      .default('fsn1')
      .describe('Where it runs: fsn1, nbg1, hel1, ash, hil, sin. Default: fsn1.'),
    serverType: z
      .string()
      .min(1)
      .optional()
      .describe(
        'As Hetzner calls it, such as cx32. Default: the cheapest in stock that has what the app needs.',
      ),
    image: z.string().min(1).default('debian-12').describe('System of the server. Default: debian-12.'),
    volumeGigabytes: volumeOption,
    sshFrom: sshFromOption,
  })
  .readonly();

export type HetznerOptions = z.infer<typeof schema>;

export const hetznerOptions = orNothing(schema);
