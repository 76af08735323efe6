import { createHash } from 'node:crypto';
import type { Fingerprint } from '../sources/source.ts';
import { listDefinitions, type SequenceState, type Table } from './catalog.ts';
import type { Connection } from './connection.ts';
import type { PinnedMoment } from './session.ts';

export interface FingerprintOptions {
  tables: readonly Table[];
  sequences: readonly SequenceState[];
  /** Sessions to read with at once. */
  jobs: number;
  /** False for servers older than 11, which cannot hash a row. Both sides of a comparison must do the same. */
  digests: boolean;
  onTable?: (name: string, doneTables: number) => void;
  signal?: AbortSignal;
}

/**
 * What a database says of its content at a pinned moment. A digest is the sum of the 64-bit hashes of all rows as text:
 * the same in any order, another one for any row that is more, less, twice or different. It guards against damage, not
 * against forgery. Sequences are given by the caller because they know no moments (see postgres.ts).
 */
export async function takeFingerprint(
  moment: PinnedMoment,
  options: FingerprintOptions,
): Promise<{ fingerprint: Fingerprint; rows: number; largeObjects: number }> {
  const takenAt = new Date().toISOString();
  const facts: Record<string, string | number> = {};
  const definitions = await listDefinitions(moment.connection);
  const tables = await readTables(moment, options);
  const largeObjects = await readLargeObjects(moment.connection, options.digests);
  for (const { name, rows, digest } of tables) {
    facts[`table ${name}: rows`] = rows;
    if (digest !== undefined) facts[`table ${name}: digest`] = digest;
  }
  for (const { name, lastValue, isCalled } of options.sequences) {
    facts[`sequence ${name}: value`] = `${lastValue}${isCalled ? '' : ' (not used yet)'}`;
  }
  Object.assign(facts, largeObjects.facts);
  for (const [kind, names] of definitions) {
    facts[`${kind}: count`] = names.length;
    facts[`${kind}: names`] = digestOfNames(names);
  }
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return { fingerprint: { takenAt, facts }, rows, largeObjects: largeObjects.count };
}

interface TableContent {
  name: string;
  rows: number;
  digest: string | undefined;
}

async function readTables(moment: PinnedMoment, options: FingerprintOptions): Promise<TableContent[]> {
  const waiting = [...options.tables].reverse();
  const done: TableContent[] = [];
  const work = async (): Promise<void> => {
    await using reader = await moment.openReader();
    for (let table = waiting.pop(); table !== undefined; table = waiting.pop()) {
      options.signal?.throwIfAborted();
      done.push(await readTable(reader, table.name, options.digests));
      options.onTable?.(table.name, done.length);
    }
  };
  const readers = Math.min(options.jobs, waiting.length);
  const results = await Promise.allSettled(Array.from({ length: readers }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return done.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readTable(reader: Connection, name: string, digests: boolean): Promise<TableContent> {
  // The alias is quoted and odd so that no column is ever called like it; a column would win over the row.
  const digest = digests
    ? `coalesce(sum(hashtextextended(("the row".*)::text COLLATE "C", 0)), 0)::text`
    : `NULL::text`;
  const [row] = await reader.query<{ rows: string; digest: string | null }>(
    `SELECT count(*)::text AS rows, ${digest} AS digest FROM ONLY ${name} AS "the row"`,
  );
  return { name, rows: Number(row?.rows ?? 0), digest: row?.digest ?? undefined };
}

/**
 * Large objects, read through the calls that their owner may use, a mebibyte at a time: a page of pg_largeobject may be
 * missing or short where there are zeros, and looks different after a restore.
 */
async function readLargeObjects(
  connection: Connection,
  digests: boolean,
): Promise<{ count: number; facts: Record<string, string | number> }> {
  const digest = digests
    ? `(SELECT sum(hashtextextended(s.oid || ':' || start || ':' || encode(lo_get(s.oid, start, 1048576), 'hex') COLLATE "C", 0))
          FROM generate_series(0, s.size - 1, 1048576) AS start)`
    : 'NULL::numeric';
  const [row] = await connection.query<{ count: string; bytes: string; digest: string | null }>(
    `WITH opened AS (SELECT oid, lo_open(oid, 262144) AS fd FROM pg_largeobject_metadata),
          measured AS (SELECT oid, fd, lo_lseek64(fd, 0, 2) AS size FROM opened),
          s AS (SELECT oid, size, lo_close(fd) FROM measured)
     SELECT count(*)::text AS count, coalesce(sum(size), 0)::text AS bytes,
            coalesce(sum(${digest}), 0)::text AS digest FROM s`,
  );
  const count = Number(row?.count ?? 0);
  const facts: Record<string, string | number> = {
    'large objects: count': count,
    'large objects: bytes': Number(row?.bytes ?? 0),
  };
  if (digests) facts['large objects: digest'] = row?.digest ?? '0';
  return { count, facts };
}

function digestOfNames(names: readonly string[]): string {
  const sorted = names.toSorted();
  return createHash('sha256').update(sorted.join('\0')).digest('hex').slice(0, 16);
}
