import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Fingerprint } from './source.ts';

export interface SqliteContent {
  facts: Fingerprint['facts'];
  rows: number;
  /** "ok", or the first of what is wrong. */
  integrity: string;
}

/**
 * What an SQLite database says of its content. A digest is the sum of the hashes of all rows modulo 2^64: the same in
 * any order, another one for any row that is more, less or different. Tables that virtual tables keep for themselves
 * are counted with the others, since their pages are copied as well; virtual ones hold no rows of their own.
 */
export async function readSqliteFacts(database: DatabaseSync, signal: AbortSignal): Promise<SqliteContent> {
  const integrity = String(firstValue(database, 'PRAGMA integrity_check(1)'));
  const facts: Fingerprint['facts'] = { 'integrity check': integrity };
  let rows = 0;
  for (const name of tablesOf(database)) {
    const content = await digestOf(database, name, signal);
    facts[`table ${name}: rows`] = content.rows;
    facts[`table ${name}: digest`] = content.digest;
    rows += content.rows;
  }
  for (const [type, title] of Object.entries(titles)) {
    const definitions = definitionsOf(database, type);
    facts[`${title}: count`] = definitions.length;
    facts[`${title}: definitions`] = shortDigest(definitions.join('\0'));
  }
  for (const pragma of ['user_version', 'application_id']) {
    facts[pragma] = String(firstValue(database, `PRAGMA ${pragma}`));
  }
  return { facts, rows, integrity };
}

const titles = { table: 'tables', index: 'indexes', view: 'views', trigger: 'triggers' };

/** `sqlite_sequence` and the like are left in: AUTOINCREMENT's state is data. */
function tablesOf(database: DatabaseSync): string[] {
  const rows = database
    .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'shadow')")
    .all();
  const names = rows.map(({ name }) => String(name));
  // Only the planner writes these, and ANALYZE may come at any time.
  return names.filter((name) => !/^sqlite_(schema|stat\d)$/.test(name)).sort();
}

async function digestOf(
  database: DatabaseSync,
  name: string,
  signal: AbortSignal,
): Promise<{ rows: number; digest: string }> {
  const statement = database.prepare(`SELECT * FROM "${name.replaceAll('"', '""')}"`);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  let rows = 0;
  let sum = 0n;
  for (const row of statement.iterate()) {
    rows += 1;
    if (rows % rowsPerTurn === 0) {
      // Reading is synchronous: other sources are captured by this thread meanwhile.
      await nextTurn();
      signal.throwIfAborted();
    }
    sum = BigInt.asUintN(64, sum + hashOf(row));
  }
  return { rows, digest: sum.toString(16).padStart(16, '0') };
}

const rowsPerTurn = 2000;

/** Each value with its type and length, so that no two rows are written alike. */
function hashOf(row: unknown): bigint {
  const hash = createHash('sha1');
  for (const value of Array.isArray(row) ? row : []) {
    const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value));
    hash.update(`${value === null ? 'null' : typeof value}:${bytes.length}:`).update(bytes);
  }
  return hash.digest().readBigUInt64BE();
}

function definitionsOf(database: DatabaseSync, type: string): string[] {
  const rows = database.prepare('SELECT name, sql FROM sqlite_schema WHERE type = ? ORDER BY name').all(type);
  return rows
    .filter(({ name }) => !/^sqlite_stat\d$/.test(String(name)))
    .map(({ name, sql }) => `${String(name)} ${String(sql)}`);
}

function shortDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function firstValue(database: DatabaseSync, sql: string): unknown {
  const row = database.prepare(sql).get();
  return row === undefined ? undefined : Object.values(row)[0];
}
