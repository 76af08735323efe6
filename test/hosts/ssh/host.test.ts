import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { RelocateError } from '../../../src/errors.ts';
import type { Event } from '../../../src/events.ts';
import type { HostOutput, SshTransport } from '../../../src/hosts/host.ts';
import { sshHost, type SshHost, type SshHostOptions } from '../../../src/hosts/ssh/host.ts';
import { sshKeyFromSeed } from '../../../src/hosts/ssh/keys.ts';
import { hasShellSshd, shellSshdReason, startSshd, type Sshd } from '../../support/servers/sshd.ts';
import { startTcpProxy } from '../../support/servers/tcp-proxy.ts';

(hasShellSshd ? describe : describe.skip)(`on a real OpenSSH server (${shellSshdReason})`, () => {
  let sshd: Sshd;
  const open: SshHost[] = [];

  beforeAll(async () => {
    sshd = await startSshd({ runsPrograms: true });
    process.env['RELOCATE_SSH_CONFIG'] = '/dev/null';
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((host) => host.close()));
  });
  afterAll(async () => {
    delete process.env['RELOCATE_SSH_CONFIG'];
    await sshd.stop();
  });

  function hostAt(transport: Partial<SshTransport> = {}, options: SshHostOptions = {}): SshHost {
    const output: HostOutput = {
      name: 'test',
      address: '127.0.0.1',
      transport: { kind: 'ssh', user: sshd.user, port: sshd.port, hostKey: sshd.hostKey, ...transport },
      folder: sshd.data,
      ports: {},
    };
    const host = sshHost(output, { privateKey: userKey(), ...options });
    open.push(host);
    return host;
  }

  const userKey = () => execFileSync('cat', [join(sshd.folder, 'user')], { encoding: 'utf8' });
  const failureOf = async (host: SshHost): Promise<RelocateError> =>
    host.run(['true']).then(
      () => {
        throw new Error('it worked');
      },
      (error: RelocateError) => error,
    );
  const logins = () => sshd.output().split('Accepted publickey').length - 1;

  test('a program gets its folder, environment and input, and gives back its outputs and exit code', async () => {
    const result = await hostAt().run(['/bin/sh', '-c', 'pwd; echo "$NAME"; cat; echo no >&2; exit 3'], {
      cwd: '/usr',
      environment: { NAME: "it's $HOME" },
      input: 'given',
    });
    expect(result).toEqual({ exitCode: 3, stdout: "/usr\nit's $HOME\ngiven", stderr: 'no\n' });
  });

  test('a program that is not there, one that is killed and one that takes too long are told apart', async () => {
    const host = hostAt();
    expect((await host.run(['/no/such/program'])).exitCode).toBe(127);
    expect((await host.run(['/bin/sh', '-c', 'kill -TERM $$'])).exitCode).toBe(143);
    expect((await host.run(['sleep', '60'], { timeoutMs: 200 })).exitCode).toBe(124);
    expect((await host.run(['true'], { cwd: '/no/such/folder' })).exitCode).toBe(125);
  });

  test('thirty programs at once share one connection', async () => {
    const host = hostAt();
    await host.run(['true']);
    const before = logins();
    const numbers = Array.from({ length: 30 }, (_, at) => String(at));
    const results = await Promise.all(numbers.map((number) => host.run(['echo', number])));
    expect(results.map(({ stdout }) => stdout.trim())).toEqual(numbers);
    expect(logins()).toBe(before);
  });

  test('an abort kills the program there, with its children, and throws the reason', async () => {
    const host = hostAt();
    const stop = new AbortController();
    const marker = `61.${process.pid}`;
    const running = host.run(['/bin/sh', '-c', `sleep ${marker} & wait`], { signal: stop.signal });
    while (!(await isRunning(`sleep\0${marker}`))) await sleep(20);
    stop.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    for (let attempt = 0; (await isRunning(`sleep\0${marker}`)) && attempt < 200; attempt += 1)
      await sleep(20);
    expect(await isRunning(`sleep\0${marker}`)).toBe(false);
  });

  test('50 MB go in and come out whole', async () => {
    async function* content() {
      for (let part = 0; part < 800; part += 1) yield Buffer.alloc(65_536, part % 251);
    }
    const { stdout } = await hostAt().run(['sha256sum'], { input: content() });
    const whole = Buffer.concat(Array.from({ length: 800 }, (_, part) => Buffer.alloc(65_536, part % 251)));
    const { createHash } = await import('node:crypto');
    expect(stdout.split(' ')[0]).toBe(createHash('sha256').update(whole).digest('hex'));
  });

  test('no argument, variable or input is seen in the list of processes before the program itself runs', async () => {
    const host = hostAt();
    const secret = 'never-to-be-seen-4711';
    const running = host.run(['/bin/sh', '-c', 'sleep 1'], {
      environment: { PASSWORD: secret },
      input: `${secret}\n`,
    });
    let seen = 0;
    for (let look = 0; look < 30; look += 1) {
      for (const line of await commandLines()) {
        if (/dd bs=1|sleep 1/.test(line)) seen += 1;
        expect(line).not.toContain(secret);
      }
      await sleep(20);
    }
    await running;
    expect(seen).toBeGreaterThan(0);
  });

  test('a host with another key than the pinned one is sent nothing, and never asked again', async () => {
    const before = logins();
    const { publicKey } = sshKeyFromSeed('ab'.repeat(32), '');
    const error = await failureOf(hostAt({ hostKey: publicKey }, { patienceMs: 60_000 }));
    expect(error).toMatchObject({ code: 'host-key-differs', retryable: false });
    expect(error.hint).toContain('Nothing was sent');
    expect(logins()).toBe(before);
  });

  test('a key that the host does not know is refused at once, and the error says which was tried', async () => {
    const { privateKey } = sshKeyFromSeed('cd'.repeat(32), 'stranger');
    const error = await failureOf(hostAt({}, { privateKey }));
    expect(error).toMatchObject({ code: 'host-failed', retryable: false, facts: { reason: 'auth-refused' } });
    expect(error.message).toContain('the deployment’s own key');
  });

  test('the user’s own key file and known_hosts open a host that no stack made', async () => {
    const config = join(sshd.folder, 'own-config');
    await writeFile(config, `UserKnownHostsFile ${sshd.folder}/known_hosts\nIdentityAgent none\n`);
    process.env['RELOCATE_SSH_CONFIG'] = config;
    try {
      const own = { host: '127.0.0.1', identityFile: join(sshd.folder, 'user') };
      const host = hostAt({ hostKey: undefined, own }, { privateKey: undefined });
      expect((await host.run(['echo', 'in'])).stdout).toBe('in\n');
      const jump = `${sshd.user}@127.0.0.1:${sshd.port}`;
      await writeFile(
        config,
        `UserKnownHostsFile ${sshd.folder}/known_hosts\nIdentityAgent none\nIdentityFile ${sshd.folder}/user\n`,
      );
      const before = logins();
      const behind = hostAt({ own: { ...own, jump } }, { privateKey: undefined });
      expect((await behind.run(['echo', 'behind'])).stdout).toBe('behind\n');
      expect(logins()).toBe(before + 2);
    } finally {
      process.env['RELOCATE_SSH_CONFIG'] = '/dev/null';
    }
  });

  test('a connection that is cut fails what runs, says that it may be done again, and the next run has a new one', async () => {
    const proxy = await startTcpProxy(sshd.port);
    const events: Event[] = [];
    try {
      const host = hostAt({ port: proxy.port }, { emit: (event) => events.push(event) });
      await host.run(['true']);
      proxy.cutAfter(2_000_000);
      async function* endless() {
        for (;;) yield Buffer.alloc(65_536);
      }
      const cut = host.run(['/bin/sh', '-c', 'cat > /dev/null'], { input: endless() });
      await expect(cut).rejects.toMatchObject({ code: 'host-failed', retryable: true });
      expect(proxy.cuts()).toBe(1);
      expect((await host.run(['echo', 'back'])).stdout).toBe('back\n');
      expect(events.map((event) => ('code' in event ? event.code : event.type))).toContain('connection-lost');
    } finally {
      await proxy.stop();
    }
  });

  test('a host that comes up late is waited for, and one that never does is given up in time', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    const started = Date.now();
    const error = await failureOf(hostAt({ port }, { patienceMs: 1_000 }));
    expect(error).toMatchObject({ code: 'host-failed', retryable: true, facts: { reason: 'ECONNREFUSED' } });
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  test('a server that takes the connection and never says a word is given up', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    try {
      const error = await failureOf(hostAt({ port }, { patienceMs: 500, readyTimeoutMs: 400 }));
      expect(error).toMatchObject({ code: 'host-failed', retryable: true });
    } finally {
      silent.close();
    }
  });

  test('a server that falls silent in the middle is found out by its silence', async () => {
    const host = hostAt({}, { keepaliveMs: 150, patienceMs: 500, readyTimeoutMs: 500 });
    await host.run(['true']);
    const servers = await sessionsOf(sshd.uid);
    const running = host.run(['sleep', '60']);
    running.catch(() => {});
    await sleep(300);
    expect(servers.length).toBeGreaterThan(0);
    for (const pid of servers) process.kill(pid, 'SIGSTOP');
    try {
      await expect(running).rejects.toMatchObject({ code: 'host-failed', retryable: true });
    } finally {
      for (const pid of servers) process.kill(pid, 'SIGCONT');
    }
  });
});

async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.map((line) => line.replaceAll('\0', ' '));
}

async function isRunning(commandLine: string): Promise<boolean> {
  const wanted = commandLine.replaceAll('\0', ' ');
  return (await commandLines()).some((line) => line.trim() === wanted);
}

/** Processes of the SSH server that belong to connections: all but the one that listens. */
async function sessionsOf(uid: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (/^Uid:\s+(\d+)/m.exec(status)?.[1] === String(uid) && /^sshd: .*(@|\[priv\])/.test(line))
      found.push(pid);
  }
  return found;
}
