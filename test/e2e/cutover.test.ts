import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CutoverReport } from '../../src/relocation/cutover-work.ts';
import type { DeployReport } from '../../src/relocation/types.ts';
import { relocate, resultOf, startRelocate } from '../support/cli.ts';
import { loseApp, type LostApp } from '../support/deploy-app.ts';
import { hasPostgres } from '../support/postgres.ts';
import { type Bind, bindReason, hasBind, startBind } from '../support/servers/bind.ts';

const canRun = hasBind && (await hasPostgres());
const whereItCan = canRun ? describe : describe.skip;

whereItCan(`a deployed app gets its names (needs PostgreSQL; ${bindReason})`, () => {
  let app: LostApp;
  let bind: Bind;
  let deployed: DeployReport;
  const run = (...args: string[]) =>
    relocate(['-r', app.repositoryUrl, ...args], {
      cwd: app.folder,
      env: { RELOCATE_TSIG_KEY: bind.keyText },
    });
  const addresses = () => bind.resolver().resolve4(`www.${bind.zone}`, { ttl: true });

  beforeAll(async () => {
    [app, bind] = await Promise.all([loseApp(), startBind(['www 2 IN A 192.0.2.1', 'www 2 IN A 192.0.2.2'])]);
    deployed = resultOf<DeployReport>(await run('deploy', '--to', 'local', '--json'));
    expect(deployed.outcome).toBe('passed');
    await writeFile(
      join(app.folder, 'relocate.yaml'),
      `app: notes
code: false
data: { db: { postgres: { url: 'postgres://localhost/notes' } } }
services: Procfile
checks:
  - http: { path: /healthz, contains: '"database":true' }
dns:
  zone: ${bind.zone}
  names: www.${bind.zone}
  provider: { rfc2136: { server: '${bind.server}' } }
  ttl: 1s
  servers: ['${bind.server}']
`,
    );
    await writeFile(join(app.folder, 'Procfile'), await readFile('test/fixtures/notes-app/Procfile', 'utf8'));
  });
  afterAll(async () => {
    await run('destroy', '--to', 'local', '--force').catch(() => {});
    await bind.stop();
    await app.remove();
  });

  test('without a terminal nobody is asked, so nothing is moved without --yes', async () => {
    const result = await run('cutover', '--to', 'local');
    expect(result).toMatchObject({ exitCode: 2 });
    expect(result.stderr).toContain('--yes');
    expect(await addresses()).toHaveLength(2);
  });

  test('what would change is said, and nothing does', async () => {
    const result = await run('cutover', '--to', 'local', '--dry-run');
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stdout).toContain('A 192.0.2.1, 192.0.2.2 2 s  → A 127.0.0.1 1 s');
    expect(result.stdout).toContain('db: select count(*)');
    expect(await addresses()).toHaveLength(2);
    expect(existsSync(join(app.folder, '.relocate', 'cutovers'))).toBe(false);
  });

  test('moved, verified, and back again without the repository and without a relocate.yaml', async () => {
    const result = await run('cutover', '--to', 'local', '--yes', '--json');
    const report = resultOf<CutoverReport>(result);
    expect({ ...report, stderr: result.stderr }).toMatchObject({
      outcome: 'passed',
      deployment: deployed.deployment,
    });
    expect(await addresses()).toEqual([{ address: '127.0.0.1', ttl: 1 }]);
    expect(report.checks.map(({ title }) => title)).toEqual(
      expect.arrayContaining([
        `GET /healthz of www.${bind.zone}`,
        expect.stringContaining('select count(*)'),
      ]),
    );
    const state = await readFile(join(app.folder, '.relocate', 'cutovers', 'notes.json'), 'utf8');
    expect(state).not.toContain(bind.keyText.split(':')[2]);

    const back = await relocate(['cutover', '--rollback', '--state', join(app.folder, '.relocate')], {
      cwd: '/',
      env: { RELOCATE_TSIG_KEY: bind.keyText, RELOCATE_PASSWORD: undefined },
    });
    expect(back).toMatchObject({ exitCode: 0 });
    expect((await addresses()).map(({ ttl }) => ttl)).toEqual([2, 2]);
    const again = await run('cutover', '--rollback');
    expect(again).toMatchObject({ exitCode: 1 });
    expect(again.stderr).toContain('There is no cutover of notes');
  });

  test('Ctrl-C while it waits for caches: exit code 130, and how to go on', async () => {
    bind.update(`update delete www.${bind.zone} A`, `update add www.${bind.zone} 300 A 192.0.2.1`);
    const { child, ended } = startRelocate(
      ['-r', app.repositoryUrl, 'cutover', '--to', 'local', '--yes', '--json'],
      { cwd: app.folder, env: { RELOCATE_TSIG_KEY: bind.keyText } },
    );
    child.stdout?.on('data', (text: string) => {
      if (text.includes('"caches"')) child.kill('SIGINT');
    });
    const result = await ended;
    expect(result.exitCode).toBe(130);
    expect(result.stdout + result.stderr).toContain('relocate cutover --rollback');
    expect(await run('cutover', '--to', 'local', '--yes', '--no-wait')).toMatchObject({ exitCode: 3 });
    expect(await run('cutover', '--settle')).toMatchObject({ exitCode: 0 });
    expect(await addresses()).toEqual([{ address: '127.0.0.1', ttl: 300 }]);
    const refused = await run('destroy', '--to', 'local');
    expect(refused).toMatchObject({ exitCode: 11 });
    expect(refused.stderr).toContain(`www.${bind.zone} were moved to ${deployed.deployment}`);
    expect(await run('cutover', '--rollback', '--no-wait')).toMatchObject({ exitCode: 3 });
    expect(await addresses()).toEqual([{ address: '192.0.2.1', ttl: 300 }]);
  });

  test('a target whose services are down gets no names', async () => {
    const pid = deployed.services.find(({ pid }) => pid !== undefined)?.pid;
    expect(pid).toBeDefined();
    await rm(join(deployed.folder, 'code', 'uploads'), { recursive: true, force: true });
    const result = await run('cutover', '--to', 'local', '--yes');
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain('--force');
    expect(await addresses()).toEqual([{ address: '192.0.2.1', ttl: 300 }]);
  });

  test('wrong usage is exit code 2', async () => {
    expect(await run('cutover')).toMatchObject({ exitCode: 2 });
    expect(await run('cutover', '--to', 'local', '--rollback')).toMatchObject({ exitCode: 2 });
  });
});
