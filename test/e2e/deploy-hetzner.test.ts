import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { deploymentNames } from '../../src/relocation/deployments.ts';
import type { DeployReport } from '../../src/relocation/types.ts';
import { startLab, whyNoMachines, type Lab } from '../lab/index.ts';
import { hcloud } from '../lab/support/hcloud.ts';
import { relocate, resultOf } from '../support/cli.ts';
import { loseApp, type LostApp } from '../support/deploy-app.ts';
import { hasPostgres } from '../support/postgres.ts';

const problem = whyNoMachines() ?? ((await hasPostgres()) ? undefined : 'needs PostgreSQL');
const suite = problem === undefined ? describe : describe.skip;

suite(
  `deploy --to hetzner, on a real machine of the lab${problem === undefined ? '' : ` (${problem})`}`,
  () => {
    let lab: Lab;
    let app: LostApp;

    beforeAll(async () => {
      lab = await startLab();
      app = await loseApp();
    }, 180_000);
    afterAll(async () => {
      await app.remove();
      await lab.close();
    });

    const run = (...args: string[]) =>
      relocate(['-r', app.repositoryUrl, '--state', join(app.folder, 'state'), ...args, '--json'], {
        cwd: app.folder,
        env: lab.environment,
      });
    const held = () => {
      const { servers, volumes, primaryIps, networks, firewalls, sshKeys } = lab.state;
      return [servers, volumes, primaryIps, networks, firewalls, sshKeys].flat().map(({ name }) => name);
    };

    test('brings the app back with all its data, in reach of the world, and destroy leaves nothing', async () => {
      const deployed = await run('deploy', '--to', 'hetzner');
      const report = resultOf<DeployReport>(deployed);
      expect(report.data.map(({ name, outcome }) => [name, outcome])).toEqual(
        report.data.map(({ name }) => [name, 'passed']),
      );
      expect(report.data.length).toBeGreaterThanOrEqual(4);
      const checks = new Map(report.checks?.map(({ title, outcome }) => [title, outcome]));
      expect(checks.get('service web runs')).toBe('passed');
      expect(checks.get('the world reaches it')).toBe('passed');
      expect(deployed.exitCode).toBe(0);
      // Past the firewall, which lets the world in at the front door alone.
      const address = report.services.find(({ name }) => name === 'web')?.address ?? '';
      const ip = address.replace(/:\d+$/, '');
      const answer = await fetch(`http://${ip}/`);
      expect(await answer.json()).toMatchObject({ uploads: 40, archive: 1, database: true });
      await expect(fetch(`http://${address}/`, { signal: AbortSignal.timeout(2_000) })).rejects.toThrow(
        'timeout',
      );
      expect(await hcloud(lab, 'server', 'list')).toContain(report.deployment);

      const destroyed = await run('destroy', '--to', 'hetzner');
      expect(destroyed).toMatchObject({ exitCode: 0 });
      expect(held()).toEqual([]);
      expect(await deploymentNames(join(app.folder, 'state'))).toEqual([]);
      expect(existsSync(join(app.folder, 'state', 'reports'))).toBe(true);
    }, 300_000);

    test('goes on to this machine when the provider has no room, and leaves nothing there', async () => {
      lab.faults.add({ kind: 'quota', resource: 'servers' });
      const deployed = await run('deploy', '--to', 'hetzner,local');
      const report = resultOf<DeployReport & { attempts: { target: string; outcome: string }[] }>(deployed);
      expect(report).toMatchObject({ target: 'local', outcome: 'passed' });
      expect(report.attempts).toMatchObject([
        { target: 'hetzner', reason: expect.stringMatching(/limit|quota/i) },
        { target: 'local', outcome: 'took it' },
      ]);
      expect(held()).toEqual([]);
      expect(await run('destroy', '--to', 'local')).toMatchObject({ exitCode: 0 });
    }, 300_000);
  },
);
