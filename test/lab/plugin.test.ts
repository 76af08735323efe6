import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Lab, startLab } from './index.ts';
import { make } from './support/call.ts';
import type { Orders, Shape } from './support/stack-main.ts';

let lab: Lab;
let folder: string;
let shape: Shape;

beforeEach(async () => {
  lab = await startLab({ machines: 'none', actionMs: 5 });
  folder = await mkdtemp(join(tmpdir(), 'relocate-lab-plugin-test-'));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  const publicKey = (await readFile(join(folder, 'key.pub'), 'utf8')).trim();
  shape = {
    publicKey,
    port: '22',
    volumeGb: 10,
    serverType: 'cx22',
    userData: '#cloud-config\n# one',
    labels: { app: 'shop' },
    protect: false,
  };
});
afterEach(async () => {
  await lab.close();
  await rm(folder, { recursive: true, force: true });
});

/** The real engine, in a process of its own. Rejects with what it said. */
async function engine(action: Orders['action'], change: Partial<Shape> = {}) {
  shape = { ...shape, ...change };
  const main = fileURLToPath(new URL('support/stack-main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', main], {
    env: { ...process.env, ...lab.environment },
  });
  child.stdin.end(JSON.stringify({ action, folder, shape } satisfies Orders));
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  if (code !== 0) throw new Error(stderr + stdout);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

const left = () => {
  const { nextId: _nextId, actions: _actions, ...kinds } = lab.state;
  return Object.values(kinds).flat();
};

describe('the plugin, driven by the engine', () => {
  test('makes what a program describes, changes what can be changed, and takes all of it away', async () => {
    const { outputs, changes } = await engine('up');
    expect(changes).toEqual({ create: 9 });
    const [server] = lab.state.servers;
    expect(outputs.ip.value).toBe(outputs.serverIp.value);
    expect(outputs.serverId.value).toBe(String(server?.id));
    expect(outputs.attached.value).toBe(server?.id);
    expect(server).toMatchObject({
      userData: shape.userData,
      sshKeys: [shape.publicKey],
      labels: { app: 'shop' },
    });
    expect(server?.privateNets).toMatchObject([{ ip: '10.0.1.2' }]);
    expect(lab.state.firewalls[0]?.servers).toEqual([server?.id]);
    expect(lab.state.volumes).toMatchObject([{ server: server?.id, sizeGb: 10 }]);

    // Again: nothing to do.
    lab.requests.length = 0;
    expect((await engine('up')).changes).toEqual({ same: 9 });
    expect((await engine('refresh')).changes).toEqual({ same: 9 });
    expect(lab.requests).toEqual([]);

    // What can be changed is changed in place.
    const change = {
      port: '443',
      volumeGb: 20,
      serverType: 'cx32',
      labels: { app: 'shop', stage: 'live' },
      protect: true,
    };
    expect((await engine('up', change)).changes).toMatchObject({ update: 6 });
    expect(lab.state.servers).toMatchObject([{ id: server?.id, serverType: 'cx32', status: 'running' }]);
    expect(lab.state.volumes).toMatchObject([{ sizeGb: 20, protection: { delete: true } }]);
    expect(lab.state.firewalls[0]?.rules).toMatchObject([{ port: '443' }]);

    // New user data is a new server, with the old volume and address.
    const replaced = await engine('up', { userData: '#cloud-config\n# another' });
    expect(replaced.changes).toMatchObject({ replace: 2 });
    expect(lab.state.servers).toHaveLength(1);
    expect(lab.state.servers[0]?.id).not.toBe(server?.id);
    expect(replaced.outputs.ip.value).toBe(outputs.ip.value);
    expect(lab.state.volumes[0]?.server).toBe(lab.state.servers[0]?.id);

    await expect(engine('destroy')).rejects.toThrow('(protected)');
    await engine('up', { protect: false });
    await engine('destroy');
    expect(left()).toEqual([]);
  });

  test('sees what somebody did behind its back, and mends it', async () => {
    const { outputs } = await engine('up');
    const id = outputs.serverId.value;
    await make(lab, 'POST', `/firewalls/${lab.state.firewalls[0]?.id}/actions/set_rules`, { rules: [] });
    await make(lab, 'DELETE', `/servers/${id}`);
    await engine('refresh');
    expect((await engine('up')).changes).toMatchObject({ create: 2, update: 1 });
    expect(lab.state.servers).toHaveLength(1);
    expect(lab.state.firewalls[0]?.rules).toHaveLength(1);
    await engine('destroy');
    expect(left()).toEqual([]);
  });

  test('keeps secrets out of the state', async () => {
    const word = 'the secret word';
    const filesWith = (text: string) => {
      const found = spawnSync('grep', ['--recursive', '--files-with-matches', text, join(folder, 'state')]);
      return found.stdout.toString();
    };
    await engine('up', { userData: `#cloud-config\n# ${word}` });
    expect(lab.state.servers[0]?.userData).toContain(word);
    expect(filesWith(shape.publicKey)).not.toBe('');
    expect(filesWith(word)).toBe('');
    await engine('refresh');
    expect(filesWith(word)).toBe('');
  });

  test('says in the provider’s words why something was not made, and what was made is known', async () => {
    lab.faults.add({ kind: 'out-of-stock' });
    await expect(engine('up')).rejects.toThrow('error during placement (resource_unavailable)');
    lab.faults.clear();
    await engine('destroy');
    expect(left()).toEqual([]);
  });

  test('tries again what may go well next time', async () => {
    lab.faults.add({ kind: 'rate-limited', after: 2, times: 2 });
    lab.faults.add({ kind: 'server-error', status: 502, after: 4, times: 2 });
    expect((await engine('up')).changes).toEqual({ create: 9 });
  });
});
