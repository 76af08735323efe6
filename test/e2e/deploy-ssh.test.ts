import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Emit, Event } from '../../src/events.ts';
import { deploy } from '../../src/relocation/deploy.ts';
import { destroy } from '../../src/relocation/destroy.ts';
import { status } from '../../src/relocation/status.ts';
import type { DeployReport } from '../../src/relocation/types.ts';
import { sourceOf } from '../../src/sources/index.ts';
import { openStorage } from '../../src/storage/index.ts';
import { targetOf } from '../../stacks/index.ts';
import { ssh } from '../../stacks/ssh.ts';
import { loseApp, password, schemas, type LostApp } from '../support/deploy-app.ts';
import { hasShellSshd, shellSshdReason, startSshd, type Sshd } from '../support/servers/sshd.ts';
import { startTcpProxy } from '../support/servers/tcp-proxy.ts';
import { filesThere, sshTargetAt } from '../support/ssh-host.ts';

(hasShellSshd ? describe : describe.skip)(`to a host reached by SSH (${shellSshdReason})`, () => {
  let sshd: Sshd;
  let app: LostApp;

  beforeAll(async () => {
    sshd = await startSshd({ runsPrograms: true });
    app = await loseApp();
    process.env['RELOCATE_SSH_CONFIG'] = '/dev/null';
  });
  afterAll(async () => {
    delete process.env['RELOCATE_SSH_CONFIG'];
    await app.remove();
    await sshd.stop();
  });

  const { signal } = new AbortController();

  async function deployTo(
    options: Record<string, unknown>,
    state: string,
    emit: Emit,
  ): Promise<DeployReport> {
    const repository = await app.open();
    try {
      const input = {
        repository,
        snapshot: 'latest',
        target: ssh,
        targetOptions: ssh.options.parse(options),
        stateFolder: join(app.folder, state),
        sourceOf,
        schemas,
        now: new Date(),
        handover: [
          {
            url: app.repositoryUrl,
            password: async () => password,
            openStorage: () => openStorage(app.repositoryUrl),
          },
        ],
      };
      return await deploy(input, { emit, signal });
    } finally {
      await repository.close();
    }
  }

  async function destroyAll(state: string): Promise<void> {
    await destroy(
      { stateFolder: join(app.folder, state), which: 'all', openRepository: () => app.open(), targetOf },
      { emit: () => {}, signal },
    );
  }

  test('the app comes back there, is seen to run, and leaves nothing when it is destroyed', async () => {
    const report = await deployTo(sshTargetAt(sshd), 'state', () => {});
    try {
      expect(report.outcome).toBe('passed');
      expect(report.data.map(({ outcome }) => outcome)).not.toContain('failed');
      const folder = join(sshd.data, 'apps', report.deployment);
      expect(await readFile(join(folder, 'code/uploads/1.txt'), 'utf8')).toBe('upload 1\n'.repeat(100));
      const web = report.services.find(({ name }) => name === 'web');
      const answer = await fetch(`http://${web?.address}/`);
      expect(answer.status).toBe(200);

      const repository = await app.open();
      try {
        const stateFolder = join(app.folder, 'state');
        const input = {
          stateFolder,
          repository,
          schemas,
          newest: undefined,
          rpoMs: undefined,
          now: new Date(),
        };
        const [seen] = (await status(input, { signal })).deployments;
        expect(seen).toMatchObject({ state: 'up', outcome: 'passed' });
        expect(seen?.services.map(({ state }) => state)).not.toContain('stopped');
        expect(seen?.services.length).toBeGreaterThan(1);
      } finally {
        await repository.close();
      }
    } finally {
      await destroyAll('state');
    }
    expect(existsSync(join(sshd.data, 'apps', report.deployment))).toBe(false);
    expect(await filesThere(sshd)).toEqual([]);
  });

  test('a connection that is cut in the middle of the restore costs time and nothing else', async () => {
    const proxy = await startTcpProxy(sshd.port);
    const events: Event[] = [];
    let cut = false;
    try {
      const report = await deployTo(sshTargetAt(sshd, proxy.port), 'cut', (event) => {
        events.push(event);
        if (event.type !== 'progress' || event.phase !== 'restore' || cut) return;
        cut = true;
        proxy.cutAfter(1);
      });
      expect(proxy.cuts()).toBe(1);
      expect(report.outcome).toBe('passed');
      expect(events.filter((event) => event.type === 'warning').map(({ code }) => code)).toContain(
        'step-again',
      );
    } finally {
      await destroyAll('cut');
      await proxy.stop();
    }
    expect(await filesThere(sshd)).toEqual([]);
  });
});
