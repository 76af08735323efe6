import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { askDoor } from '../../src/relocation/ask-door.ts';
import { deploymentNames } from '../../src/relocation/deployments.ts';
import type { DeployReport } from '../../src/relocation/types.ts';
import { startLab, whyNoMachines, type Lab } from '../lab/index.ts';
import { hcloud } from '../lab/support/hcloud.ts';
import { eventually } from '../lab/support/ssh.ts';
import { relocate, resultOf } from '../support/cli.ts';
import { loseApp, type LostApp } from '../support/deploy-app.ts';
import { startPebble, whyNoPebble, type Pebble } from '../support/servers/pebble.ts';
import { hasPostgres } from '../support/postgres.ts';

const problem = whyNoMachines() ?? whyNoPebble ?? ((await hasPostgres()) ? undefined : 'needs PostgreSQL');
const name = 'notes.example.test';
const suite = problem === undefined ? describe : describe.skip;

suite(
  `deploy --to hetzner, on a real machine of the lab${problem === undefined ? '' : ` (${problem})`}`,
  () => {
    let lab: Lab;
    let app: LostApp;
    let pebble: Pebble;

    beforeAll(async () => {
      lab = await startLab();
      pebble = await startPebble(lab.operatorAddress);
      app = await loseApp({
        config: `dns: { zone: example.test, names: ${name}, provider: { file: zone } }
tls: { acme: { directory: "${pebble.directory}", root: authority.pem, email: ops@example.test } }
`,
        files: { 'authority.pem': pebble.rootPem },
      });
    }, 180_000);
    afterAll(async () => {
      await app.remove();
      await pebble[Symbol.asyncDispose]();
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

    test('brings the app back with all its data, over HTTPS in reach of the world, and destroy leaves nothing', async () => {
      const deploying = run('deploy', '--to', 'hetzner');
      // As after a cutover: the authority finds the new machine under the app's name.
      await pebble.leadTo(await firstAddress(lab));
      const deployed = await deploying;
      const report = resultOf<DeployReport>(deployed);
      expect(report.data.map(({ name, outcome }) => [name, outcome])).toEqual(
        report.data.map(({ name }) => [name, 'passed']),
      );
      expect(report.data.length).toBeGreaterThanOrEqual(4);
      const checks = new Map(report.checks?.map(({ title, outcome }) => [title, outcome]));
      expect(checks.get('service web runs')).toBe('passed');
      expect(report.checks).toContainEqual(
        expect.objectContaining({
          title: 'the world reaches it',
          outcome: 'passed',
          detail: expect.stringMatching(/^https:\/\/[\d.]+\/healthz answers 200/),
        }),
      );
      expect(deployed.exitCode).toBe(0);
      // Past the firewall, which lets the world in at the front door alone.
      const address = report.services.find(({ name }) => name === 'web')?.address ?? '';
      const ip = address.replace(/:\d+$/, '');
      const whole = { uploads: 40, archive: 1, database: true };
      const { rootPem } = pebble;
      for (const host of [ip, name]) {
        const door = { kind: 'https' as const, address: ip, port: 443 };
        const { signal } = new AbortController();
        const { body } = await eventually(() =>
          askDoor(door, { host, path: '/', strict: true, rootPem, signal }),
        );
        expect(JSON.parse(body)).toMatchObject(whole);
      }
      const answer = await fetch(`http://${ip}/`);
      expect(await answer.json()).toMatchObject(whole);
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

    test('serves in clear and says why when the authority refuses a certificate', async () => {
      await pebble.refuse();
      const deployed = await run('deploy', '--to', 'hetzner');
      const report = resultOf<DeployReport>(deployed);
      expect(report.outcome).toBe('passed');
      expect(report.checks).toContainEqual(
        expect.objectContaining({
          title: 'the world reaches it',
          outcome: 'passed',
          detail: expect.stringMatching(/^http:\/\/[\d.]+\/healthz answers 200$/),
        }),
      );
      const warnings = deployed.stdout.split('\n').filter((line) => line.includes('"certificate-refused"'));
      expect(warnings).toEqual([
        expect.stringMatching(/no certificate for 198[\d.]+, notes.*externalAccountRequired/),
      ]);
      expect(await run('destroy', '--to', 'hetzner')).toMatchObject({ exitCode: 0 });
      expect(held()).toEqual([]);
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

/** Known before the machine boots. */
function firstAddress(lab: Lab): Promise<string> {
  return eventually(() => {
    const first = lab.state.primaryIps.find(({ type }) => type === 'ipv4');
    if (first === undefined) throw new Error('no address was made');
    return Promise.resolve(first.ip);
  });
}
