import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Fault, type Lab, randomFault, startLab, whyNoMachines } from './index.ts';
import { call, make } from './support/call.ts';
import { eventually, newLogin } from './support/ssh.ts';

const problem = whyNoMachines();
const machineTest = problem === undefined ? test : test.skip;

const server = { name: 'web', server_type: 'cx22', image: 'debian-12', location: 'fsn1' };
const volume = (name: string) => ({ name, size: 10, location: 'fsn1' });

describe('faults of the API', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await startLab({ machines: 'none', actionMs: 5 });
  });
  afterEach(() => lab.close());

  test.each<[Fault, string, number, string]>([
    [{ kind: 'quota', resource: 'volumes' }, '/volumes', 403, 'resource_limit_exceeded'],
    [{ kind: 'account-locked' }, '/volumes', 403, 'forbidden'],
    [{ kind: 'token-revoked' }, '/volumes', 401, 'unauthorized'],
    [{ kind: 'token-readonly' }, '/volumes', 403, 'token_readonly'],
    [{ kind: 'rate-limited' }, '/volumes', 429, 'rate_limit_exceeded'],
    [{ kind: 'server-error', status: 503 }, '/volumes', 503, 'maintenance'],
  ])('%j: begins where it is to begin, ends where it is to end', async (fault, path, status, code) => {
    lab.faults.add({ ...fault, after: 1, times: 1 });
    expect((await call(lab, 'POST', path, volume('before'))).status).toBe(201);
    const refused = await call(lab, 'POST', path, volume('meanwhile'));
    expect([refused.status, refused.body.error.code]).toEqual([status, code]);
    expect((await call(lab, 'POST', path, volume('afterwards'))).status).toBe(201);
    expect(lab.state.volumes.map(({ name }) => name)).toEqual(['before', 'afterwards']);
  });

  test('a location out of stock shows in the catalog, and refuses there alone', async () => {
    lab.faults.add({ kind: 'out-of-stock', location: 'fsn1', serverType: 'cx22' });
    const { server_types } = (await call(lab, 'GET', '/server_types?name=cx22')).body;
    const available = server_types[0].locations.map((one: { name: string; available: boolean }) => [
      one.name,
      one.available,
    ]);
    expect(available).toEqual([
      ['fsn1', false],
      ['nbg1', true],
      ['hel1', true],
    ]);
    const refused = await call(lab, 'POST', '/servers', server);
    expect([refused.status, refused.body.error]).toEqual([
      412,
      { code: 'resource_unavailable', message: 'error during placement', details: null },
    ]);
    expect((await call(lab, 'POST', '/servers', { ...server, location: 'nbg1' })).status).toBe(201);
  });

  test('a connection lost before did nothing; an answer lost after did it', async () => {
    lab.faults.add({ kind: 'connection-lost', times: 1 });
    await expect(call(lab, 'POST', '/volumes', volume('never'))).rejects.toThrow('fetch failed');
    lab.faults.add({ kind: 'answer-lost', times: 1 });
    await expect(call(lab, 'POST', '/volumes', volume('made'))).rejects.toThrow('fetch failed');
    expect(lab.state.volumes.map(({ name }) => name)).toEqual(['made']);
    expect(lab.requests.map(({ status }) => status)).toEqual([0, 0]);
  });

  test('actions that are slow, fail, and never end; a server in one is locked until it is deleted', async () => {
    lab.faults.add({ kind: 'slow-actions', delayMs: 300, command: 'create_volume', times: 1 });
    const begun = Date.now();
    await make(lab, 'POST', '/volumes', volume('slow'));
    expect(Date.now() - begun).toBeGreaterThan(250);
    lab.faults.add({ kind: 'failing-actions', times: 1 });
    await expect(make(lab, 'POST', '/volumes', volume('failed'))).rejects.toThrow(
      'create_volume: the action failed',
    );
    lab.faults.add({ kind: 'stuck-actions', command: 'create_server' });
    const made = (await call(lab, 'POST', '/servers', server)).body;
    await delay(100);
    expect((await call(lab, 'GET', `/actions/${made.action.id}`)).body.action).toMatchObject({
      status: 'running',
      progress: 0,
    });
    const path = `/servers/${made.server.id}`;
    expect((await call(lab, 'POST', `${path}/actions/poweroff`)).body.error.code).toBe('locked');
    lab.faults.clear();
    await make(lab, 'DELETE', path);
    expect(lab.state.servers).toEqual([]);
  });

  test('taken back, they are gone', async () => {
    const takeBack = lab.faults.add({ kind: 'token-revoked' });
    expect((await call(lab, 'GET', '/servers')).status).toBe(401);
    takeBack();
    expect((await call(lab, 'GET', '/servers')).status).toBe(200);
  });
});

test('a seed always draws the same fault, and many draw every kind', () => {
  const drawn = Array.from({ length: 500 }, (_, seed) => randomFault(seed));
  expect(drawn).toEqual(Array.from({ length: 500 }, (_, seed) => randomFault(seed)));
  expect(new Set(drawn.map(({ kind }) => kind)).size).toBe(17);
  expect(new Set(drawn.map(({ after }) => after)).size).toBe(10);
});

describe('faults of machines', () => {
  machineTest(
    `one never boots, one keeps its SSH silent, one is full, one dies under load${problem === undefined ? '' : ` (${problem})`}`,
    async () => {
      await using login = await newLogin();
      await using host = await newLogin();
      await using lab = await startLab();
      const { ssh_key } = await make(lab, 'POST', '/ssh_keys', {
        name: 'operator',
        public_key: login.publicKey,
      });
      const create = async (name: string, fault: Fault) => {
        lab.faults.add({ ...fault, times: 1 });
        const keys = { ed25519_private: host.privateKey, ed25519_public: host.publicKey };
        const user_data = `#cloud-config\n${JSON.stringify({ ssh_keys: keys })}\n`;
        const made = await make(lab, 'POST', '/servers', {
          ...server,
          name,
          user_data,
          ssh_keys: [ssh_key.id],
        });
        const ip: string = made.server.public_net.ipv4.ip;
        return {
          id: Number(made.server.id),
          ssh: (command: string) => login.ssh(ip, host.publicKey, command),
        };
      };
      const dark = await create('dark', { kind: 'never-boots' });
      const silent = await create('silent', { kind: 'ssh-silent' });
      const full = await create('full', { kind: 'disk-full' });
      const dying = await create('dying', { kind: 'dies', afterBytes: 5_000_000 });

      // The API says of all that they run.
      const { servers } = (await call(lab, 'GET', '/servers')).body;
      expect(servers.map(({ status }: { status: string }) => status)).toEqual(Array(4).fill('running'));

      await eventually(() => full.ssh('true'));
      await eventually(async () => {
        const written = full.ssh('head -c 1000000 /dev/zero >> /root/more');
        await expect(written).rejects.toThrow('No space left on device');
      });

      // A restore as it would be: the machine fetches, and is gone in the middle.
      const data = randomBytes(20_000_000);
      const service = createServer((_request, response) => response.end(data));
      await once(service.listen(0, lab.operatorAddress), 'listening');
      const { port } = service.address() as { port: number };
      const url = `http://${lab.operatorAddress}:${port}/`;
      await eventually(() => dying.ssh('true'));
      await expect(dying.ssh(`curl --silent --limit-rate 10M ${url} | sha256sum && sleep 5`)).rejects.toThrow(
        'ssh',
      );
      expect(lab.machines.isRunning(dying.id)).toBe(false);
      service.closeAllConnections();
      service.close();

      expect([dark.id, silent.id].map((id) => lab.machines.isRunning(id))).toEqual([false, true]);
      await expect(dark.ssh('true')).rejects.toThrow(/timed out|No route/);
      await expect(silent.ssh('true')).rejects.toThrow('timed out');
      expect(await lab.machines.inside(silent.id, ['systemctl', 'is-active', 'ssh'])).toBe('active\n');
    },
  );
});
