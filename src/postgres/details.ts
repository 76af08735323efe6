import * as z from 'zod';
import { RelocateError } from '../errors.ts';

/** Names of the files in a captured database's folder. */
export const files = { dump: 'database.pgdump', roles: 'roles.sql', settings: 'settings.sql' } as const;

const name = z.string().min(1).max(255);

/** What a capture writes into the manifest for the restore. The manifest comes from outside: it is read by this schema. */
const details = z.object({
  database: name,
  /** The user the app connects as. */
  user: name,
  /** What that user may do beyond rights on single objects. */
  attributes: z.array(
    z.enum(['SUPERUSER', 'CREATEDB', 'CREATEROLE', 'BYPASSRLS', 'REPLICATION', 'NOINHERIT']),
  ),
  /** The role that owns the database. */
  owner: name,
  majorVersion: z.int().min(8).max(99),
  pgDumpMajor: z.int().min(8).max(99),
  encoding: name,
  collate: name,
  ctype: name,
  icuLocale: name.optional(),
  extensions: z.array(z.object({ name, version: z.string() })),
  tables: z.int(),
  sizeBytes: z.number(),
  sequences: z.array(
    z.object({
      name: z.string().max(300),
      lastValue: z.string().regex(/^-?\d{1,19}$/),
      isCalled: z.boolean(),
    }),
  ),
  /** Whether rows have digests, not counts alone. */
  digests: z.boolean(),
});

export type DatabaseDetails = z.infer<typeof details>;

/** Throws `snapshot-hostile` for what no capture has written. */
export function readDetails(value: unknown): DatabaseDetails {
  const parsed = details.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RelocateError('snapshot-hostile', 'The manifest says nothing sound about a captured database.', {
    facts: { reason: z.prettifyError(parsed.error) },
    hint: 'Nothing was changed. Its dump can still be restored by hand, with restic and pg_restore.',
  });
}
