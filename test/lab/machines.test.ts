import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { startLab, whyNoMachines } from './index.ts';
import { deadPlaces, takePlace, clearPlace } from './machines/place.ts';
import { make } from './support/call.ts';
import { eventually, newLogin } from './support/ssh.ts';

const problem = whyNoMachines();
const machineTest = problem === undefined ? test : test.skip;
const because = problem === undefined ? '' : ` (${problem})`;

/** As the stacks do it: the host's key is known before the first connection. */
function cloudConfig(hostKey: { privateKey: string; publicKey: string }, volume: number): string {
  const device = `/dev/disk/by-id/scsi-0HC_Volume_${volume}`;
  const script = [
    `for i in $(seq 300); do [ -b ${device} ] && break; sleep 0.1; done`,
    `blkid ${device} || mkfs.ext4 -q ${device}`,
    `mkdir -p /srv/relocate && mount ${device} /srv/relocate`,
  ];
  const config = {
    ssh_deletekeys: true,
    ssh_keys: { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey },
    runcmd: [['sh', '-c', script.join(' && ')]],
  };
  return `#cloud-config\n${JSON.stringify(config)}\n`;
}

/** Everything on this machine that bears the number of a lab. */
function leftovers(number: number): string[] {
  const own = new RegExp(`(^|[^0-9a-z])rl${number}(m\\d+)?\\b|relocate-lab-${number}\\b`);
  const texts = [
    readFileSync('/proc/self/mounts', 'utf8'),
    execFileSync('losetup', ['--list'], { encoding: 'utf8' }),
    execFileSync('ip', ['link'], { encoding: 'utf8' }),
    execFileSync('ip', ['netns'], { encoding: 'utf8' }),
    execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }),
    readdirSync('/var/tmp').join('\n'),
    ...['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'].map(listing),
  ];
  return texts.flatMap((text) => text.split('\n')).filter((line) => own.test(line));
}

function listing(folder: string): string {
  try {
    return readdirSync(folder).join('\n');
  } catch {
    return '';
  }
}

/** Does a connection to the port come about? `silent` when nothing answers in 1 s. */
function knock(host: string, port: number): Promise<'open' | 'refused' | 'silent'> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (result: 'open' | 'refused' | 'silent') => {
      socket.destroy();
      resolve(result);
    };
    socket
      .once('connect', () => end('open'))
      .once('timeout', () => end('silent'))
      .once('error', () => end('refused'));
  });
}

describe('a machine of the lab', () => {
  machineTest(
    `boots, is who it was told to be, keeps its volume, obeys its firewall, and leaves nothing${because}`,
    async () => {
      await using login = await newLogin();
      await using host = await newLogin();
      const lab = await startLab();
      const number = Number(lab.operatorAddress.split('.')[2]);
      try {
        const { ssh_key } = await make(lab, 'POST', '/ssh_keys', {
          name: 'operator',
          public_key: login.publicKey,
        });
        const { volume } = await make(lab, 'POST', '/volumes', { name: 'data', size: 10, location: 'fsn1' });
        const rules = [{ direction: 'in', protocol: 'tcp', port: '22', source_ips: ['0.0.0.0/0', '::/0'] }];
        const { firewall } = await make(lab, 'POST', '/firewalls', { name: 'ssh', rules });
        const { network } = await make(lab, 'POST', '/networks', {
          name: 'inside',
          ip_range: '10.0.0.0/16',
          subnets: [{ type: 'cloud', ip_range: '10.0.1.0/24', network_zone: 'eu-central' }],
        });
        const create = (name: string, user_data: string) =>
          make(lab, 'POST', '/servers', {
            name,
            server_type: 'cx22',
            image: 'debian-12',
            location: 'fsn1',
            ssh_keys: [ssh_key.id],
            user_data,
            firewalls: [{ firewall: firewall.id }],
            networks: [network.id],
          });
        const { server } = await create('web1', cloudConfig(host, volume.id));
        const { ip } = server.public_net.ipv4;
        const ssh = (command: string) => login.ssh(ip, host.publicKey, command);

        // Attached after the machine was made, as Pulumi does it: cloud-init waits for it.
        await make(lab, 'POST', `/volumes/${volume.id}/actions/attach`, { server: server.id });
        expect(await eventually(() => ssh('hostname'))).toBe('web1\n');
        await eventually(() => ssh('mountpoint /srv/relocate && echo kept > /srv/relocate/note'));
        const size = Number(await ssh('df --output=size -B1 /srv/relocate | tail -n 1'));
        expect(size).toBeGreaterThan(9 * 1024 ** 3);
        expect(size).toBeLessThan(10 * 1024 ** 3);
        expect(await ssh('cat /sys/class/net/host0/operstate; systemctl is-active ssh')).toBe('up\nactive\n');

        // The firewall lets in what its rules say, over both families, and its changes count at once.
        await ssh('systemd-run --quiet python3 -m http.server --bind :: 8080');
        await eventually(() => ssh('curl --silent --fail http://[::1]:8080/'));
        const ipv6 = `${server.public_net.ipv6.ip.replace('::/64', '::1')}`;
        expect([await knock(ip, 8080), await knock(ipv6, 8080)]).toEqual(['silent', 'silent']);
        rules.push({ direction: 'in', protocol: 'tcp', port: '8080', source_ips: ['0.0.0.0/0', '::/0'] });
        await make(lab, 'POST', `/firewalls/${firewall.id}/actions/set_rules`, { rules });
        expect([await knock(ip, 8080), await knock(ipv6, 8080)]).toEqual(['open', 'open']);

        // A service beside the lab is in reach; the rest of the world is not, and says so at once.
        const service = createServer((_request, response) => response.end('from the operator'));
        await once(service.listen(0, lab.operatorAddress), 'listening');
        const { port } = service.address() as { port: number };
        expect(await ssh(`curl --silent --max-time 5 http://${lab.operatorAddress}:${port}/`)).toBe(
          'from the operator',
        );
        service.close();
        await expect(ssh('curl --silent --show-error --max-time 5 http://192.0.2.1/')).rejects.toThrow(
          'onnect',
        );

        // What was written outlives the machine, on a volume plugged into the next.
        await make(lab, 'DELETE', `/servers/${server.id}`);
        const next = await create('web2', cloudConfig(host, volume.id));
        await make(lab, 'POST', `/volumes/${volume.id}/actions/attach`, { server: next.server.id });
        const note = () =>
          login.ssh(next.server.public_net.ipv4.ip, host.publicKey, 'cat /srv/relocate/note');
        expect(await eventually(note)).toBe('kept\n');
      } finally {
        await lab.close();
      }
      expect(leftovers(number)).toEqual([]);
    },
  );

  machineTest(`runs containers, and a stopped one starts with what it had${because}`, async () => {
    await using login = await newLogin();
    await using host = await newLogin();
    await using lab = await startLab();
    const { ssh_key } = await make(lab, 'POST', '/ssh_keys', {
      name: 'operator',
      public_key: login.publicKey,
    });
    const { server } = await make(lab, 'POST', '/servers', {
      name: 'web',
      server_type: 'cx22',
      image: 'debian-12',
      location: 'fsn1',
      ssh_keys: [ssh_key.id],
      user_data: cloudConfig(host, 0).replace('$(seq 300)', '1'),
    });
    const ssh = (command: string) => login.ssh(server.public_net.ipv4.ip, host.publicKey, command);
    await eventually(() => ssh('systemctl start docker'));
    await ssh(
      'mkdir /tmp/image && cp --parents $(ldd /usr/bin/cat | grep -o "/lib[^ ]*") /usr/bin/cat /tmp/image/ && tar -C /tmp/image -c . | docker import - tiny',
    );
    await ssh('echo from the container > /root/note');
    const command = 'docker run --rm --volume /root:/mnt tiny /usr/bin/cat /mnt/note';
    expect(await ssh(command)).toBe('from the container\n');

    await make(lab, 'POST', `/servers/${server.id}/actions/reboot`);
    await eventually(() => ssh('systemctl start docker'));
    expect(await ssh(command)).toBe('from the container\n');
  });
});

describe('a lab that was killed', () => {
  machineTest(`is cleared away by the next one, machines and all${because}`, async () => {
    const main = fileURLToPath(new URL('support/dying-lab.ts', import.meta.url));
    const child = spawn(process.execPath, ['--no-warnings', main], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(child.stdout, 'data')) as [Buffer];
    const number = Number(text.toString());
    expect(leftovers(number).length).toBeGreaterThan(4);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect((await deadPlaces()).map((place) => place.number)).toContain(number);

    await clearPlace(await takePlace());
    expect(leftovers(number)).toEqual([]);
  });
});
