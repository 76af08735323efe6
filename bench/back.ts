import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DeployReport, SnapshotResult } from '../src/relocation/types.ts';
import { startLab } from '../test/lab/index.ts';
import { relocate, resultOf } from '../test/support/cli.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { minioCredentials, startMinio } from '../test/support/servers/minio.ts';
import { bringBackByHand } from './back/by-hand.ts';
import { dump, makeApp } from './back/lost-app.ts';
import { measure, freshSurroundings } from './measure.ts';
import { findPeers, password } from './peers.ts';
import { memoryFolder, print } from './support.ts';

/**
 * How long an app is away whose host has gone: `relocate deploy --to hetzner` against the way by hand, in the lab, on
 * machines of the same kind, from the same S3 server. Linux and root.
 */
const { values } = parseArgs({
  options: {
    database: { type: 'string', default: '1024' },
    uploads: { type: 'string', default: '1024' },
    folder: { type: 'string', default: memoryFolder },
  },
});
const sizes = { databaseMib: Number(values.database), uploadsMib: Number(values.uploads) };
const programs = findPeers(['relocate', 'restic']);

const folder = await realpath(await mkdtemp(join(values.folder, 'relocate-bench-back-')));
process.env['TMPDIR'] = folder;
const lab = await startLab();
const minio = await startMinio({ address: lab.operatorAddress });
const environment = { ...minioCredentials, RESTIC_PASSWORD: password };
try {
  const appFolder = join(folder, 'srv', 'notes');
  await mkdir(join(folder, 'srv'));
  const postgres = await startPostgres();
  const own = { cwd: appFolder, env: { ...lab.environment, ...minioCredentials } };
  const run = (...args: string[]) =>
    relocate(['-r', `s3:${minio.endpoint}/relocate`, ...args, '--json'], own);
  const resticRepository = `s3:${minio.endpoint}/restic`;
  try {
    const { databaseUrl } = await makeApp(appFolder, postgres.url, sizes);
    expectGood(await run('init', '--repository'));
    const snapshot = resultOf<SnapshotResult>(await run('snapshot'));
    await dump(databaseUrl, `${appFolder}.sql`);
    const surroundings = await freshSurroundings(join(folder, 'restic'));
    const restic = { program: programs.restic, env: environment };
    await measure({ ...restic, args: ['-r', resticRepository, 'init'] }, surroundings);
    const saved = await measure(
      { ...restic, args: ['-r', resticRepository, 'backup', '-q', appFolder, `${appFolder}.sql`] },
      surroundings,
    );
    print(
      `saved by relocate in ${seconds(snapshot.durationMs)}, by restic in ${seconds(saved.wallMs)} beside pg_dump's time`,
    );
  } finally {
    await postgres.stop();
  }

  const deployed = await run('deploy', '--to', 'hetzner');
  expectGood(deployed);
  const report = resultOf<DeployReport>(deployed);
  const deployMs = report.objectives.rto.measuredMs;
  await run('destroy', '--to', 'hetzner');
  await rm(appFolder, { recursive: true });

  const byHand = await bringBackByHand(lab, folder, {
    restic: programs.restic,
    repository: resticRepository,
    environment,
    appFolder,
  });
  print(`machine boots and answers SSH   ${seconds(byHand.bootMs)}`);
  print(
    `relocate, whole                 ${seconds(deployMs)}: ${report.phases.map((one) => `${one.phase} ${seconds(one.durationMs)}`).join(', ')}`,
  );
  for (const { title, startedAt, durationMs } of report.steps) {
    const beginsMs = Date.parse(startedAt ?? report.startedAt) - Date.parse(report.startedAt);
    print(`  at ${seconds(beginsMs).padStart(6)}  ${title}: ${seconds(durationMs)}`);
  }
  print(`relocate, beyond the boot       ${seconds(deployMs - byHand.bootMs)}`);
  print(`by hand, after the boot         ${seconds(byHand.backMs)}: ${byHand.steps.join(', ')}`);
  print(
    `by hand takes                   ${(byHand.backMs / (deployMs - byHand.bootMs)).toFixed(2)} × as long`,
  );
} finally {
  await minio.stop();
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}

function expectGood({
  exitCode,
  stderr,
  stdout,
}: {
  exitCode: number | null;
  stderr: string;
  stdout: string;
}): void {
  if (exitCode !== 0) throw new Error(`relocate ended with ${exitCode}: ${stdout}${stderr}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
