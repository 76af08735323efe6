import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DeployReport } from '../../src/relocation/types.ts';
import { openStorage } from '../../src/storage/index.ts';
import { fileTypes } from '../../src/storage/storage.ts';
import { startLab, whyNoMachines, type Lab } from '../lab/index.ts';
import { relocate, resultOf } from '../support/cli.ts';
import { loseApp, type LostApp } from '../support/deploy-app.ts';
import { hasPostgres } from '../support/postgres.ts';
import {
  minioCredentials,
  minioProgram,
  minioReason,
  startMinio,
  type Minio,
} from '../support/servers/minio.ts';

const problem =
  whyNoMachines() ??
  (minioProgram === undefined ? minioReason : undefined) ??
  ((await hasPostgres()) ? undefined : 'needs PostgreSQL');
const suite = problem === undefined ? describe : describe.skip;

suite(`a repository that the host reaches itself${problem === undefined ? '' : ` (${problem})`}`, () => {
  let lab: Lab;
  let minio: Minio;
  let app: LostApp;
  let url: string;

  beforeAll(async () => {
    Object.assign(process.env, minioCredentials);
    lab = await startLab();
    app = await loseApp();
    minio = await startMinio({ address: lab.operatorAddress });
    url = `s3:${minio.endpoint}/notes/repository`;
    await copyFiles(app.repositoryUrl, url);
  }, 180_000);
  afterAll(async () => {
    await app.remove();
    await minio.stop();
    await lab.close();
  });

  test('gives the data straight to the host, which gets no credentials', async () => {
    const run = (...args: string[]) =>
      relocate(['-r', url, '--state', join(app.folder, 'state'), ...args], {
        cwd: app.folder,
        env: { ...lab.environment, ...minioCredentials },
      });
    const deployed = await run('deploy', '--to', 'hetzner', '--json');
    expect(deployed.stdout + deployed.stderr).toContain(`The host fetches its data from ${url} itself.`);
    expect(resultOf<DeployReport>(deployed)).toMatchObject({ outcome: 'passed' });
    // A link is a credential, though a small one.
    expect(deployed.stdout + deployed.stderr).not.toMatch(/X-Amz-Signature/i);
    expect(await run('destroy', '--to', 'hetzner')).toMatchObject({ exitCode: 0 });
  }, 300_000);
});

async function copyFiles(from: string, to: string): Promise<void> {
  const [source, target] = await Promise.all([openStorage(from), openStorage(to)]);
  await target.initialise();
  for (const type of fileTypes) {
    for (const { name } of await source.list(type)) {
      await target.save({ type, name }, [await source.load({ type, name })]);
    }
  }
  await Promise.all([source.close(), target.close()]);
}
