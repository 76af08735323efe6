import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { DeployRequest } from '../../stacks/target.ts';
import { type Lab, startLab, whyNoMachines } from './index.ts';
import { hcloud } from './support/hcloud.ts';
import { eventually, newLogin } from './support/ssh.ts';

const problem = whyNoMachines();
const machineTest = problem === undefined ? test : test.skip;

const main = fileURLToPath(new URL('../contract/stack-main.ts', import.meta.url));

/** The engine in a process of its own. Rejects with what it said. */
async function run(lab: Lab, action: 'provision' | 'destroy', stateFolder: string, request: DeployRequest) {
  const child = spawn(process.execPath, ['--no-warnings', main], {
    env: { ...process.env, ...lab.environment },
  });
  const options = { location: 'fsn1' };
  child.stdin.end(
    JSON.stringify({ action, target: 'hetzner', options, request, stateFolder, passphrase: 'secret' }),
  );
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  if (code !== 0) throw new Error(stderr + stdout);
}

machineTest(
  `target hetzner brings up a real machine that is who it should be, and takes everything away${problem === undefined ? '' : ` (${problem})`}`,
  async () => {
    await using login = await newLogin();
    await using host = await newLogin();
    await using lab = await startLab();
    const folder = await mkdtemp(join(tmpdir(), 'relocate-lab-hetzner-'));
    const request: DeployRequest = {
      app: 'guestbook',
      deployment: 'guestbook-hetzner',
      folder: '/srv/relocate/guestbook-hetzner',
      services: { kind: 'procfile', names: ['web'] },
      databases: [],
      sizeBytes: 1e9,
      exposed: [{ port: 443, protocol: 'tcp' }],
      access: { authorizedKeys: [login.publicKey], hostKey: host },
      protectData: true,
    };
    try {
      await run(lab, 'provision', folder, request);
      const described = await hcloud(
        lab,
        'server',
        'list',
        '-o',
        'noheader',
        '-o',
        'columns=ipv4',
        '-l',
        'relocate-app=guestbook',
      );
      const ssh = (command: string) => eventually(() => login.ssh(described.trim(), host.publicKey, command));
      await ssh('systemctl start relocate-volume.service');
      expect(await ssh('mountpoint /srv/relocate')).toBe('/srv/relocate is a mountpoint\n');
      await ssh('echo kept > /srv/relocate/note');

      // The machine is lost; the next run puts one in its place, with the same address, key and data.
      await hcloud(lab, 'server', 'delete', String(lab.state.servers[0]?.id));
      await lab.settled();
      await run(lab, 'provision', folder, request);
      await ssh('systemctl start relocate-volume.service');
      expect(await ssh('cat /srv/relocate/note')).toBe('kept\n');

      await run(lab, 'destroy', folder, request);
      const { nextId: _nextId, actions: _actions, ...kinds } = lab.state;
      expect(Object.values(kinds).flat()).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
