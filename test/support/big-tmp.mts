import { startPostgres } from '/work/main/test/support/postgres.ts';
import { sourceRun } from '/work/main/test/support/source-run.ts';
import { connect } from '/work/main/src/postgres/connection.ts';
import { ensureDatabase } from '/work/main/src/postgres/database.ts';
import { withDatabase } from '/work/main/src/postgres/url.ts';
import { mkdtemp, rm } from 'node:fs/promises';
const s = await startPostgres();
const folder = await mkdtemp('/tmp/relocate-big-');
let peak = 0;
const iv = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss);
}, 100);
try {
  {
    await using a = await connect(s.url);
    await a.execute('CREATE DATABASE big');
  }
  const url = withDatabase(s.url, 'big');
  {
    await using c = await connect(url);
    for (let i = 0; i < 4; i++)
      await c.execute(
        `CREATE TABLE t${i} AS SELECT g AS id, md5(g::text) a, repeat(md5((g*7)::text), 4) b, now() AS at, g*1.5::float8 f FROM generate_series(1, 1300000) g; ALTER TABLE t${i} ADD PRIMARY KEY (id); CREATE INDEX ON t${i} (a)`,
      );
    await c.execute(
      `SELECT lo_from_bytea(0, decode(repeat(md5(g::text), 3000),'hex')) FROM generate_series(1,1000) g`,
    );
    console.log(await c.query(`SELECT pg_size_pretty(pg_database_size('big')) AS size`));
  }
  const run = sourceRun('postgres', folder);
  let t = Date.now();
  const cap = await run.capture({ url, jobs: 2 });
  console.log('capture ms', Date.now() - t, cap.saved.sizeBytes, cap.saved.items);
  await ensureDatabase({ adminUrl: s.url, database: 'back', owner: 'own', password: 'x' });
  const d = {
    kind: 'postgres' as const,
    url: withDatabase(s.url, 'back').replace(/\/\/[^@]*@/, '//own:x@'),
    adminUrl: s.url,
  };
  t = Date.now();
  await run.restore(cap, d);
  console.log('restore ms', Date.now() - t);
  t = Date.now();
  const facts = await run.factsOf(cap, d);
  console.log(
    'fingerprint ms',
    Date.now() - t,
    JSON.stringify(facts) === JSON.stringify(cap.saved.fingerprint.facts),
  );
  console.log('peak rss MiB', peak / 2 ** 20);
} finally {
  clearInterval(iv);
  await s.stop();
  await rm(folder, { recursive: true, force: true });
}
