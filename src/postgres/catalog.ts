import type { Connection } from './connection.ts';
import { quoteLiteral } from './quoting.ts';

/** SQL that is true for schemas that hold the app's own things. Takes the alias of a pg_namespace row. */
export const ownSchema = (alias: string): string =>
  `${alias}.nspname <> 'information_schema' AND ${alias}.nspname !~ '^pg_'`;

/** SQL that is true for objects that came with an extension: CREATE EXTENSION brings them back, not the dump. */
export const ofExtension = (catalog: string, oid: string): string =>
  `EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.deptype = 'e'
     AND e.classid = 'pg_catalog.${catalog}'::regclass AND e.objid = ${oid})`;

export interface Table {
  /** Schema-qualified and quoted where needed: fit for SQL and for people. */
  name: string;
  sizeBytes: number;
}

/**
 * Every table that holds rows itself, largest first: leaves of partitioned tables and not their parents, no foreign
 * tables, nothing temporary.
 */
export async function listTables(connection: Connection): Promise<Table[]> {
  const rows = await connection.query<{ name: string; size: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_table_size(c.oid)::text AS size
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${ownSchema('n')} AND NOT ${ofExtension('pg_class', 'c.oid')}
      ORDER BY pg_table_size(c.oid) DESC NULLS LAST, 1`,
  );
  return rows.map(({ name, size }) => ({ name, sizeBytes: Number(size) }));
}

/** A sequence's state. Values are text: they may pass 2^53. */
export interface SequenceState {
  name: string;
  lastValue: string;
  isCalled: boolean;
}

export async function readSequences(connection: Connection): Promise<SequenceState[]> {
  const names = await connection.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ${ownSchema('n')} AND NOT ${ofExtension('pg_class', 'c.oid')}
      ORDER BY 1`,
  );
  const states: SequenceState[] = [];
  for (let start = 0; start < names.length; start += 200) {
    const selects = names
      .slice(start, start + 200)
      .map(({ name }) => `SELECT ${quoteLiteral(name)}, last_value::text, is_called FROM ${name}`);
    const rows = await connection.query<{ name: string; value: string; called: boolean }>(
      `SELECT * FROM (${selects.join(' UNION ALL ')}) AS sequence (name, value, called)`,
    );
    states.push(...rows.map(({ name, value, called }) => ({ name, lastValue: value, isCalled: called })));
  }
  return states;
}

/** Names of everything in the database that is no row, by kind. */
export async function listDefinitions(connection: Connection): Promise<Map<string, string[]>> {
  const rows = await connection.query<{ kind: string; name: string }>(definitionsSql);
  const byKind = new Map<string, string[]>(definitionKinds.map((kind) => [kind, []]));
  for (const { kind, name } of rows) byKind.get(kind)?.push(name);
  return byKind;
}

const definitionKinds = [
  'schemas',
  'tables',
  'partitioned tables',
  'foreign tables',
  'views',
  'materialized views',
  'indexes',
  'constraints',
  'triggers',
  'policies',
  'functions',
  'types',
  'extensions',
];

const definitionsSql = `
  SELECT 'schemas' AS kind, format('%I', n.nspname) AS name
    FROM pg_namespace n WHERE ${ownSchema('n')} AND NOT ${ofExtension('pg_namespace', 'n.oid')}
  UNION ALL
  SELECT CASE c.relkind WHEN 'r' THEN 'tables' WHEN 'p' THEN 'partitioned tables' WHEN 'f' THEN 'foreign tables'
           WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialized views' ELSE 'indexes' END,
         format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'i', 'I') AND c.relpersistence <> 't' AND ${ownSchema('n')}
     AND NOT ${ofExtension('pg_class', 'c.oid')}
     AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = c.oid AND ${ofExtension('pg_class', 'i.indrelid')})
  UNION ALL
  -- Those named 'n' (not null) are written down as constraints by version 18 and later only.
  SELECT 'constraints', format('%I on %s', k.conname,
           CASE WHEN k.conrelid <> 0 THEN k.conrelid::regclass::text ELSE k.contypid::regtype::text END)
    FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
   WHERE k.contype <> 'n' AND ${ownSchema('n')} AND NOT ${ofExtension('pg_class', 'k.conrelid')}
     AND NOT ${ofExtension('pg_type', 'k.contypid')}
  UNION ALL
  SELECT 'triggers', format('%I on %s', t.tgname, t.tgrelid::regclass)
    FROM pg_trigger t WHERE NOT t.tgisinternal
  UNION ALL
  SELECT 'policies', format('%I on %s', p.polname, p.polrelid::regclass) FROM pg_policy p
  UNION ALL
  SELECT 'functions', f.oid::regprocedure::text
    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
   WHERE ${ownSchema('n')} AND NOT ${ofExtension('pg_proc', 'f.oid')}
  UNION ALL
  SELECT 'types', t.oid::regtype::text
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
   WHERE t.typtype IN ('e', 'd', 'r', 'c') AND (t.typrelid = 0 OR c.relkind = 'c') AND ${ownSchema('n')}
     AND NOT ${ofExtension('pg_type', 't.oid')}
  UNION ALL
  SELECT 'extensions', x.extname FROM pg_extension x`;
