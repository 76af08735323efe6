import { z, type ZodType } from 'zod';

export const volumeOption = z
  .int()
  .min(1)
  .max(65_536)
  .optional()
  .describe('Size of the data volume in gigabytes. Default: twice the data, and a reserve.');

/** `- hetzner`, `hetzner: true` and `hetzner:` all mean: with the defaults. */
export function orNothing<Options>(schema: ZodType<Options>): ZodType<Options> {
  return z.preprocess((given) => (given === true || given == null ? {} : given), schema);
}
