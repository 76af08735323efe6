import { z } from 'zod';
import { orNothing } from '../cloud/options.ts';

const schema = z
  .strictObject({
    project: z
      .string()
      .min(1)
      .optional()
      .describe('ID of the Public Cloud project. Default: OVH_CLOUD_PROJECT_SERVICE.'),
    region: z
      .string()
      .min(1)
      .default('GRA11')
      .describe('OVH’s region, such as GRA11 or DE1. Default: GRA11.'),
    flavor: z
      .string()
      .min(1)
      .optional()
      .describe(
        'As OVH calls it, such as b3-8. Default: the smallest in stock that holds the app and its data.',
      ),
  })
  .readonly();

export type OvhOptions = z.infer<typeof schema>;

export const ovhOptions = orNothing(schema);
