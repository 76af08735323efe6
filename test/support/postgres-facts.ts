import { connect } from '../../src/postgres/connection.ts';

/** What a database holds, asked in another way than the program's own fingerprint asks. By a superuser. */
export async function factsOf(url: string): Promise<Record<string, unknown>> {
  await using database = await connect(url);
  const rows = (sql: string) => database.query<Record<string, unknown>>(sql);
  const facts: Record<string, unknown> = {};

  const relations = await rows(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind AS kind
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm', 'S') AND c.relispopulated AND ${ours('n.nspname')} ORDER BY 1`,
  );
  for (const { name, kind } of relations) {
    const query =
      kind === 'S'
        ? `SELECT last_value::text, is_called FROM ${String(name)}`
        : `SELECT count(*)::text AS count, sum(hashtextextended(one_row::text, 7))::text AS digest
             FROM ONLY ${String(name)} AS one_row`;
    facts[`${kind === 'S' ? 'sequence' : 'rows'} ${String(name)}`] = (await rows(query))[0];
  }

  for (const [name, query] of Object.entries(catalogQueries)) facts[name] = await rows(query);
  return facts;
}

const ours = (column: string) => `${column} !~ '^pg_' AND ${column} <> 'information_schema'`;

const catalogQueries = {
  'large objects': `SELECT count(*)::text, sum(length(lo_get(oid)))::text AS bytes,
      sum(hashtextextended(oid || md5(lo_get(oid)), 7))::text AS digest FROM pg_largeobject_metadata`,
  schemas: `SELECT nspname, nspowner::regrole::text AS owner FROM pg_namespace WHERE ${ours('nspname')} ORDER BY 1`,
  extensions: 'SELECT extname, extversion FROM pg_extension ORDER BY 1',
  constraints: `SELECT conrelid::regclass::text AS "table", conname, convalidated, pg_get_constraintdef(c.oid) AS definition
      FROM pg_constraint c JOIN pg_namespace n ON n.oid = connamespace WHERE ${ours('nspname')} ORDER BY 1, 2`,
  indexes: `SELECT indexdef FROM pg_indexes WHERE ${ours('schemaname')} ORDER BY 1`,
  views: `SELECT viewname, definition FROM pg_views WHERE ${ours('schemaname')} ORDER BY 1`,
  owners: `SELECT c.oid::regclass::text AS name, relowner::regrole::text AS owner, relacl::text
      FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE ${ours('nspname')} ORDER BY 1`,
  triggers: `SELECT tgrelid::regclass::text AS "table", pg_get_triggerdef(oid) AS definition
      FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2`,
  policies: `SELECT tablename, policyname, qual FROM pg_policies ORDER BY 1, 2`,
};
