import { z } from 'zod';
import { orNothing, volumeOption } from '../cloud/options.ts';
import { sshFromOption } from '../cloud/ssh-from.ts';

const schema = z
  .strictObject({
    zone: z
      .string()
      .min(1)
      .default('fr-par-1')
      .describe('Scaleway’s zone, such as fr-par-1. Default: fr-par-1.'),
    type: z
      .string()
      .min(1)
      .optional()
      .describe(
        'As Scaleway calls it, such as PLAY2-NANO. Default: the cheapest in stock that has what the app needs.',
      ),
    image: z
      .string()
      .min(1)
      .default('debian_bookworm')
      .describe('System of the instance. Default: debian_bookworm.'),
    volumeGigabytes: volumeOption,
    sshFrom: sshFromOption,
  })
  .readonly();

export type ScalewayOptions = z.infer<typeof schema>;

export const scalewayOptions = orNothing(schema);
