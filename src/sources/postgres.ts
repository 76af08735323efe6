import * as z from 'zod';
import { RelocateError } from '../errors.ts';
import { prepareCapture, restoreByHand } from '../postgres/capture.ts';
import { readDetails } from '../postgres/details.ts';
import { fingerprintDatabase } from '../postgres/compare.ts';
import { restoreDatabase } from '../postgres/restore.ts';
import type { Destination, Source } from './source.ts';

const options = z.strictObject({
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\//, { error: 'must look like postgres://user:password@host:5432/database' })
    .describe('Where the database answers, as the app connects to it.'),
  jobs: z.int().min(1).max(32).default(2).describe('Sessions that read rows while pg_dump runs. Default: 2.'),
});

type PostgresOptions = z.infer<typeof options>;

/** A PostgreSQL database: a dump by pg_dump, the roles it needs, its settings, all of one pinned moment. */
export const postgres: Source<PostgresOptions> = {
  kind: 'postgres',
  summary: 'A PostgreSQL database, with the roles it needs.',
  options,
  prepare: prepareCapture,
  restore: async (saved, destination, context) => restoreDatabase(saved, database(destination), context),
  fingerprint: async (saved, destination, context) =>
    fingerprintDatabase(saved, database(destination), context),
  byHand: (saved) => restoreByHand(saved.path.slice(1), readDetails(saved.details)),
};

function database(destination: Destination): Extract<Destination, { kind: 'postgres' }> {
  if (destination.kind === 'postgres') return destination;
  throw new RelocateError('internal', 'A PostgreSQL database was to be restored to a path.');
}
