import { isAbsolute } from 'node:path';
import { z } from 'zod';

const portNumber = z.number().int().min(1024).max(65_535);

const schema = z
  .strictObject({
    /** Where deployments get their folders, one each. */
    folder: z.string().refine(isAbsolute, 'must be an absolute path').optional(),
    /** A server that is up already; else one is started from the PostgreSQL found on the machine. */
    postgres: z.strictObject({ server: z.url({ protocol: /^postgres(ql)?$/ }) }).optional(),
    /** Below the ports that systems give to outgoing connections, so that none of these is taken by chance. */
    portRange: z
      .strictObject({ from: portNumber, to: portNumber })
      .refine((range) => range.from <= range.to, 'from must not be above to')
      .default({ from: 20_000, to: 29_999 }),
  })
  .readonly();

export type LocalOptions = z.infer<typeof schema>;

/** `- local`, `local: true` and `local:` all mean: with the defaults. */
export const localOptions = z.preprocess((given) => (given === true || given == null ? {} : given), schema);
