import { z } from 'zod';
import { orNothing, volumeOption } from '../cloud/options.ts';
import { sshFromOption } from '../cloud/ssh-from.ts';

const schema = z
  .strictObject({
    project: z
      .string()
      .min(1)
      .optional()
      .describe('ID of the Google Cloud project. Default: GOOGLE_PROJECT.'),
    zone: z
      .string()
      .min(1)
      .default('europe-west3-c')
      .describe('Google Cloud’s zone. Default: europe-west3-c.'),
    machineType: z
      .string()
      .min(1)
      .optional()
      .describe('As Google calls it, such as e2-medium. Default: the smallest that has what the app needs.'),
    image: z
      .string()
      .min(1)
      .optional()
      .describe('An image with cloud-init. Default: Ubuntu 24.04, for Debian’s image there has none.'),
    volumeGigabytes: volumeOption,
    sshFrom: sshFromOption,
  })
  .readonly();

export type GcpOptions = z.infer<typeof schema>;

export const gcpOptions = orNothing(schema);

/** `europe-west3-c` is in `europe-west3`. */
export const regionOf = (zone: string): string => zone.replace(/-[a-z]$/, '');
