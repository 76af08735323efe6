import { z } from 'zod';
import { orNothing, volumeOption } from '../cloud/options.ts';
import { sshFromOption } from '../cloud/ssh-from.ts';

const schema = z
  .strictObject({
    location: z
      .string()
      .min(1)
      .default('germanywestcentral')
      .describe('Azure’s region, such as westeurope. Default: germanywestcentral.'),
    vmSize: z
      .string()
      .min(1)
      .optional()
      .describe(
        'As Azure calls it, such as Standard_B2s. Default: the smallest that has what the app needs.',
      ),
    volumeGigabytes: volumeOption,
    sshFrom: sshFromOption,
  })
  .readonly();

export type AzureOptions = z.infer<typeof schema>;

export const azureOptions = orNothing(schema);
