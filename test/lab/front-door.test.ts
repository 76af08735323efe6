import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import { caddyfile, frontDoorUnit } from '../../src/hosts/front-door.ts';
import { sshHost } from '../../src/hosts/ssh/host.ts';
import { sshKeyFromSeed } from '../../src/hosts/ssh/keys.ts';
import type { UnitSpec } from '../../src/hosts/systemd/unit.ts';
import {
  ensureUser,
  giveTo,
  hasSystemd,
  removeUnits,
  startUnit,
  stopUnit,
  unitState,
} from '../../src/hosts/systemd/units.ts';
import { hasPebble, pebbleReason, startPebble } from '../support/servers/pebble.ts';
import { startLab, whyNoMachines } from './index.ts';
import { make } from './support/call.ts';
import { eventually } from './support/ssh.ts';

const problem = whyNoMachines() ?? (hasPebble ? undefined : pebbleReason);
const labTest = problem === undefined ? test : test.skip;

const deployment = 'notes-hetzner-20260131t120000';
const user = 'relocate-notes';
const folder = '/srv/relocate/notes';
const secret = 'a "secret" with $HOME, `date` and \\ in it\nand a second line';
const name = 'notes.example.test';

/** Says who it is, what it was given, and what it may do. */
const program = `
import http.server, json, os
def may(path):
    try:
        open(path, 'w').close(); return True
    except OSError: return False
class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        told = {'secret': os.environ['SECRET'], 'uid': os.getuid(), 'pid': os.getpid(),
                'own': may('own'), 'system': may('/etc/own'), 'environment': sorted(os.environ)}
        self.send_response(200); self.end_headers(); self.wfile.write(json.dumps(told).encode())
http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Web).serve_forever()
`;

interface Told {
  secret: string;
  uid: number;
  own: boolean;
  system: boolean;
}

labTest(
  `services of a real machine run as units under a user of their own, behind a door with certificates, and go without a trace${problem === undefined ? '' : ` (${problem})`}`,
  async () => {
    await using lab = await startLab();
    const hostKey = sshKeyFromSeed('01'.repeat(32), 'host');
    const login = sshKeyFromSeed('02'.repeat(32), 'operator');
    const { ssh_key } = await make(lab, 'POST', '/ssh_keys', { name: 'op', public_key: login.publicKey });
    const { server } = await make(lab, 'POST', '/servers', {
      name: 'web',
      server_type: 'cx22',
      image: 'debian-12',
      location: 'fsn1',
      ssh_keys: [ssh_key.id],
      user_data: `#cloud-config\n${JSON.stringify({
        ssh_deletekeys: true,
        ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
      })}\n`,
    });
    const { ip } = server.public_net.ipv4;
    const transport = { kind: 'ssh', user: 'root', port: 22, hostKey: hostKey.publicKey } as const;
    const host = sshHost(
      { name: 'web', address: ip, transport, folder, ports: {} },
      { privateKey: login.privateKey },
    );
    const say = async (...command: string[]) => (await host.run(command)).stdout;
    const write = (path: string, input: string) =>
      host.run(['sh', '-c', 'mkdir -p "${1%/*}" && cat >"$1"', 'sh', path], { input });
    try {
      await eventually(async () => expect(await hasSystemd(host)).toBe(true));
      await write(`${folder}/code/web.py`, program);
      await ensureUser(host, user, folder);
      await ensureUser(host, user, folder);
      await giveTo(host, user, [folder]);
      const web: UnitSpec = {
        deployment,
        name: 'web',
        description: 'web of notes',
        user,
        command: ['/bin/sh', '-c', 'exec python3 "$PWD/web.py"'],
        cwd: `${folder}/code`,
        writable: [folder],
        environment: { SECRET: secret, PORT: '8000' },
      };
      const first = await startUnit(host, web);
      expect(first).toMatchObject({ state: 'running', restarts: 0 });

      // Started again as it is, it is left alone; with something else, it is another process.
      expect((await startUnit(host, web)).pid).toBe(first.pid);
      const changed = await startUnit(host, { ...web, environment: { ...web.environment, PORT: '8001' } });
      expect(changed.pid).not.toBe(first.pid);

      // The front door, and an authority that everybody's names lead here for.
      await using pebble = await startPebble(lab.operatorAddress, ip);
      const rootPath = `${folder}/front-door/directory-root.pem`;
      await write(rootPath, pebble.directoryRoot);
      const door = {
        names: [name],
        upstreamPort: 8001,
        folder: `${folder}/front-door`,
        acme: { directory: pebble.directory, rootPath, email: 'ops@example.test' },
      };
      const configPath = `${folder}/front-door/Caddyfile`;
      await write(configPath, caddyfile(door));
      await giveTo(host, user, [door.folder]);
      await startUnit(host, frontDoorUnit(door, { deployment, user, configPath }));
      const overHttp = await eventually(async () => (await fetch(`http://${ip}/`)).json() as Promise<Told>);
      expect(overHttp).toMatchObject({ secret, own: true, system: false });
      expect(overHttp.uid).toBe(Number(await say('id', '-u', user)));
      const overHttps = await eventually(async () => ask(ip, name, await pebble.root()));
      expect(overHttps).toMatchObject({ secret });

      // Root alone reads what it was given, and nobody sees it who asks systemd or lists processes.
      const seen = [
        await say('sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'),
        await say('systemctl', 'show', `relocate-${deployment}-web.service`),
        await say('cat', `/etc/systemd/system/relocate-${deployment}-web.service`),
        await say('journalctl', '--no-pager', '--quiet'),
      ];
      for (const one of seen) expect(one).not.toContain('a second line');
      expect(await say('stat', '-c', '%a %U', `/etc/relocate/${deployment}/web.env`)).toBe('600 root\n');

      // One that dies is started again, also when the machine was.
      await say('kill', '-9', String(changed.pid));
      await eventually(async () =>
        expect(await unitState(host, web)).toMatchObject({ state: 'running', restarts: 1 }),
      );
      await make(lab, 'POST', `/servers/${server.id}/actions/reboot`, {});
      await eventually(async () =>
        expect(await ask(ip, name, await pebble.root())).toMatchObject({ secret }),
      );

      // One that cannot work is given up, and said.
      const broken = { ...web, name: 'broken', command: ['/bin/false'] };
      await startUnit(host, broken).catch(() => {});
      await eventually(async () =>
        expect(await unitState(host, broken)).toMatchObject({
          state: 'crash-looping',
          lastExit: expect.stringContaining('exit code 1'),
        }),
      );

      await stopUnit(host, web);
      await stopUnit(host, { deployment, name: 'never-there' });
      expect((await unitState(host, web)).state).toBe('stopped');
      await removeUnits(host, deployment, user);
      await removeUnits(host, deployment, user);
      expect(await say('sh', '-c', 'ls /etc/relocate /etc/systemd/system | grep -i notes')).toBe('');
      expect(await say('systemctl', 'list-units', '--all', '--plain', '--no-legend', 'relocate-*')).toBe('');
      expect((await host.run(['id', user])).exitCode).not.toBe(0);
      expect(await say('ps', '-eo', 'args')).not.toContain('caddy');
    } finally {
      await host.close();
    }
  },
);

/** Asks the machine for the name over HTTPS, with a certificate of that authority alone. */
function ask(ip: string, servername: string, ca: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    get({ host: ip, port: 443, servername, ca, headers: { host: servername }, timeout: 5_000 }, (answer) => {
      text(answer)
        .then((body) => resolve(JSON.parse(body) as Told))
        .catch(reject);
    }).on('error', reject);
  });
}
