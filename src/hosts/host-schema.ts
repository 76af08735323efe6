import { z } from 'zod';
import type { HostOutput } from './host.ts';

/** A host as stacks and journals tell of it. */
export const hostSchema: z.ZodType<HostOutput> = z.object({
  name: z.string(),
  address: z.string().min(1),
  transport: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('local') }),
    z.object({
      kind: z.literal('ssh'),
      user: z.string().optional(),
      port: z.number().int().optional(),
      hostKey: z.string().optional(),
      own: z
        .object({ host: z.string(), identityFile: z.string().optional(), jump: z.string().optional() })
        .optional(),
    }),
  ]),
  folder: z.string().startsWith('/'),
  ports: z.record(z.string(), z.number().int().min(1).max(65_535)),
});
