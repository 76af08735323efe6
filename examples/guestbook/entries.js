// What people wrote, in PostgreSQL.
import { Pool } from 'pg';

const schema = `
  create table if not exists entry (
    id bigint generated always as identity primary key,
    author text not null,
    message text not null,
    picture text,
    created_at timestamptz not null default now()
  );
  create index if not exists entry_created_at on entry (created_at desc);
`;
// Two servers that start at once would both try to create the table.
const schemaLock = 7_102_021;

const columns = 'id::int as id, author, message, picture, created_at as "createdAt"';

export async function openEntries(connectionString) {
  const pool = new Pool({ connectionString, max: 8 });
  // A lost idle connection is replaced by the next query; without a listener it would end the process.
  pool.on('error', (error) => console.error(`database: ${error.message}`));
  await createSchema(pool);
  return {
    async add({ author, message, picture }) {
      const text = `insert into entry (author, message, picture) values ($1, $2, $3) returning ${columns}`;
      return (await pool.query(text, [author, message, picture])).rows[0];
    },
    async count() {
      return (await pool.query('select count(*)::int as count from entry')).rows[0].count;
    },
    async newest(limit) {
      return (await pool.query(`select ${columns} from entry order by id desc limit $1`, [limit])).rows;
    },
    async after(id, limit) {
      return (
        await pool.query(`select ${columns} from entry where id > $1 order by id limit $2`, [id, limit])
      ).rows;
    },
    close: () => pool.end(),
  };
}

async function createSchema(pool) {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock($1)', [schemaLock]);
    await client.query(schema);
    await client.query('commit');
  } finally {
    client.release();
  }
}
