import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../../src/postgres/connection.ts';
import { withDatabase } from '../../src/postgres/url.ts';
import type { DeployReport, SnapshotResult } from '../../src/relocation/types.ts';
import { findSecrets } from '../../src/relocation/deployment-keys.ts';
import { openRepository } from '../../src/repository/index.ts';
import { openStorage } from '../../src/storage/index.ts';
import { relocate, resultOf, testPassword } from '../support/cli.ts';
import { watchMemory } from '../support/peak-memory.ts';
import { factsOf } from '../support/postgres-facts.ts';
import { hasPostgres, startPostgres, type TestServer } from '../support/postgres.ts';
import { makeRichDatabase, richName } from '../support/rich-database.ts';

/** RELOCATE_TEST_POSTGRES_MIB=1100 makes it one of more than 1 GiB: some minutes. */
const sizeMib = Number(process.env['RELOCATE_TEST_POSTGRES_MIB'] ?? 64);
const memoryLimitMib = 512;

const canRun = process.platform === 'linux' && (await hasPostgres());
const suite = canRun ? describe : describe.skip;

suite(`a Postgres of ${sizeMib} MiB with all that is awkward (needs Linux and PostgreSQL)`, () => {
  let folder: string;
  let server: TestServer;
  let url: string;
  let repositoryUrl: string;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'relocate-large-')));
    repositoryUrl = `file:${join(folder, 'repository')}`;
    server = await startPostgres();
    url = await makeRichDatabase(server.url);
    await fill(url);
    await mkdir(join(folder, 'app'));
    await writeFile(join(folder, 'app', 'relocate.yaml'), config(repositoryUrl));
    // As apps have it: a role of their own, no superuser.
    const appUrl = url.replace(/\/\/[^@]*@/, `//${encodeURIComponent('App Owner')}:source-only@`);
    await writeFile(join(folder, 'app', '.env'), `DATABASE_URL=${appUrl}\n`);
  }, 600_000);

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  test('is the same after `deploy --to local`, by its fingerprint and by other questions, in bounded memory', async () => {
    const cwd = join(folder, 'app');
    const before = await factsOf(url);
    const sizeBytes = await sizeOf(url);
    expect(sizeBytes).toBeGreaterThan(sizeMib * 1024 * 1024);

    const peaks = watchMemory(folder);
    const initialised = await relocate(['init', '--repository'], { cwd });
    expect(initialised).toMatchObject({ exitCode: 0 });
    const snapshot = resultOf<SnapshotResult>(await relocate(['snapshot', '--json'], { cwd }));
    const report = resultOf<DeployReport>(await relocate(['deploy', '--to', 'local', '--json'], { cwd }));
    const memory = peaks();
    try {
      expect(report.outcome).toBe('passed');
      const [compared] = report.data;
      expect(compared).toMatchObject({ name: 'db', outcome: 'passed', differences: [] });
      expect(report.checks).toMatchObject([{ outcome: 'passed' }]);

      expect(await factsOf(await deployedUrl(report))).toEqual(before);

      say({ sizeBytes, snapshot, report, memory });
      expect(Object.keys(memory.peaksMib).join(' ')).toMatch(/main\.js snapshot.*main\.js deploy/);
      for (const peakMib of Object.values(memory.peaksMib)) expect(peakMib).toBeLessThan(memoryLimitMib);
    } finally {
      expect(await relocate(['destroy', '--to', 'local'], { cwd })).toMatchObject({ exitCode: 0 });
    }
  }, 1_200_000);

  /** A superuser's, of the server that the deploy started. */
  async function deployedUrl({ deployment, environment }: DeployReport): Promise<string> {
    const repository = await openRepository(await openStorage(repositoryUrl), testPassword);
    try {
      const derive = await findSecrets(repository, { deployment, folder: '', leadId: repository.id });
      const password = derive?.(`postgres/${deployment}/db/admin`) ?? '';
      const moved = environment.find(({ name }) => name === 'DATABASE_URL')?.after ?? '';
      const { port } = new URL(moved);
      return withDatabase(`postgres://postgres:${password}@127.0.0.1:${port}/postgres`, richName);
    } finally {
      await repository.close();
    }
  }
});

const config = (repository: string) => `app: large
data:
  db: { postgres: { url: "\${DATABASE_URL}" } }
repositories: [ "${repository}" ]
targets: [ local ]
checks:
  - sql: { data: db, query: "select count(*) from bulk.customer", atLeast: 1000 }
`;

async function fill(url: string): Promise<void> {
  await using database = await connect(url);
  const script = await readFile(new URL('../support/bulk-content.sql', import.meta.url), 'utf8');
  await database.execute(`SET ROLE "App Owner"; ${script.replaceAll(':mib', String(sizeMib))}`);
}

async function sizeOf(url: string): Promise<number> {
  await using database = await connect(url);
  const [row] = await database.query<{ size: string }>('SELECT pg_database_size(current_database()) AS size');
  return Number(row?.size ?? 0);
}

/** For the person who asked for the large one: the figures. */
function say(figures: {
  sizeBytes: number;
  snapshot: SnapshotResult;
  report: DeployReport;
  memory: ReturnType<ReturnType<typeof watchMemory>>;
}): void {
  const { sizeBytes, snapshot, report, memory } = figures;
  const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
  const lines = [
    `database ${mib(sizeBytes)}; snapshot in ${snapshot.durationMs} ms, ${mib(snapshot.processedBytes)} read, ${mib(snapshot.addedPackedBytes)} stored`,
    `deploy: ${report.phases.map(({ phase, durationMs }) => `${phase} ${durationMs} ms`).join(', ')}`,
    `peak memory: ${Object.entries(memory.peaksMib)
      .map(([name, peakMib]) => `${name} ${peakMib} MiB`)
      .join(', ')}; together ${memory.togetherMib} MiB`,
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
}
