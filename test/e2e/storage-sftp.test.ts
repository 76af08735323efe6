import { execFileSync } from 'node:child_process';
import { appendFile, chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { openStorage } from '../../src/storage/index.ts';
import { openSftpStorage } from '../../src/storage/sftp.ts';
import { errorOf, named, storageContract } from '../contract/storage.ts';
import { smallApp, storageJudged } from '../contract/storage-judged.ts';
import { differences, filesIn } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import { hasSshd, sshdReason, startSshd, type Sshd } from '../support/servers/sshd.ts';
import { startTcpProxy } from '../support/servers/tcp-proxy.ts';

const random = seeded(4006);
const content = random.bytes(3_000_000);
const file = named('pack', content);

(hasSshd ? describe : describe.skip)(`on a real SFTP server (${sshdReason})`, () => {
  let sshd: Sshd;
  let work: string;

  beforeAll(async () => {
    sshd = await startSshd();
    work = await mkdtemp(join(tmpdir(), 'relocate-sftp-'));
    process.env['RELOCATE_SSH_CONFIG'] = sshd.config;
  });
  afterEach(() => {
    process.env['RELOCATE_SSH_CONFIG'] = sshd.config;
  });
  afterAll(async () => {
    delete process.env['RELOCATE_SSH_CONFIG'];
    await sshd.stop();
    await rm(work, { recursive: true, force: true });
  });

  storageContract('a folder on an SFTP server', async () => {
    const url = `sftp:served:${sshd.data}/contract/repository`;
    return { storage: await openStorage(url), again: () => openStorage(url), cleanUp: async () => {} };
  });

  storageJudged('a folder on an SFTP server', async () => ({
    urlOf: (name) => `sftp:served:${sshd.data}/${name}`,
    restic: { args: ['-o', `sftp.command=ssh -F ${sshd.config} served -s sftp`] },
  }));

  /** The same settings with other words in them. */
  async function settingsWith(name: string, change: (settings: string) => string): Promise<void> {
    const path = join(work, name);
    await writeFile(path, change(await readFile(sshd.config, 'utf8')));
    process.env['RELOCATE_SSH_CONFIG'] = path;
  }

  const errorAt = async (address: string) => {
    const storage = await openSftpStorage(address);
    const error = await errorOf(storage.list('key'));
    await storage.close();
    return error;
  };

  test('an address with a port, and a path from the user’s home, lead to the same folder', async () => {
    const absolute = await openSftpStorage(`//127.0.0.1:${sshd.port}/${sshd.data}/by-port`);
    await absolute.initialise();
    await absolute.save(file, [content]);
    const relative = await openSftpStorage('served:by-port');
    expect((await relative.load(file)).equals(content)).toBe(true);
    await absolute.close();
    await relative.close();
  });

  test('files there are for their owner only, and complete ones are read-only', async () => {
    const storage = await openSftpStorage(`served:${sshd.data}/modes`);
    await storage.initialise();
    await storage.save(file, [content]);
    await storage.close();
    const folder = join(sshd.data, 'modes/data', file.name.slice(0, 2));
    const modes = [await stat(folder), await stat(join(folder, file.name))].map(({ mode }) => mode & 0o777);
    expect(modes).toEqual([0o700, 0o400]);
  });

  describe('a host that is not surely the right one', () => {
    test('is sent nothing where nobody knows it, and the error says its key and how to go on', async () => {
      await settingsWith('nobody-known', (text) =>
        text.replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${work}/none`),
      );
      const loginsBefore = sshd.output().split('Accepted publickey').length;
      const error = await errorAt('served:x');
      const print = execFileSync('ssh-keygen', ['-lf', join(sshd.folder, 'served/host-ed25519.pub')], {
        encoding: 'utf8',
      });
      const prints = [
        print,
        execFileSync('ssh-keygen', ['-lf', join(sshd.folder, 'served/host-ecdsa.pub')], { encoding: 'utf8' }),
      ];
      expect(error).toMatchObject({
        code: 'storage-failed',
        retryable: false,
        facts: { reason: 'host-key-unknown' },
      });
      expect(prints.some((one) => one.includes(String(error.facts['fingerprint'])))).toBe(true);
      expect(error.hint).toContain(`ssh-keyscan -p ${sshd.port} 127.0.0.1 >> ${work}/none`);
      expect(sshd.output().split('Accepted publickey')).toHaveLength(loginsBefore);
    });

    test('is sent nothing where another key is known', async () => {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(work, 'stranger')]);
      const [type, key] = (await readFile(join(work, 'stranger.pub'), 'utf8')).split(' ');
      await writeFile(join(work, 'other-known'), `[127.0.0.1]:${sshd.port} ${type} ${key}\n`);
      await settingsWith('other', (text) =>
        text.replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${work}/other-known`),
      );
      const error = await errorAt('served:x');
      expect(error).toMatchObject({ retryable: false, facts: { reason: 'host-key-differs' } });
      expect(error.message).toContain('may be somebody else');
      await appendFile(
        join(work, 'other-known'),
        `@revoked * ${await readFile(join(sshd.folder, 'served/host-ed25519.pub'), 'utf8')}`,
      );
      expect(await errorAt('served:x')).toMatchObject({ facts: { reason: 'host-key-revoked' } });
    });

    test('is known by its hashed name, and by any kind of key that stands there', async () => {
      const known = join(work, 'hashed');
      const key = (await readFile(join(sshd.folder, 'served/host-ecdsa.pub'), 'utf8')).split(' ');
      await writeFile(known, `[127.0.0.1]:${sshd.port} ${key[0]} ${key[1]}\n`);
      execFileSync('ssh-keygen', ['-H', '-f', known], { stdio: 'ignore' });
      expect(await readFile(known, 'utf8')).toMatch(/^\|1\|/);
      await settingsWith('hashed-config', (text) =>
        text.replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${known}`),
      );
      const storage = await openSftpStorage('served:nothing-there');
      expect(await storage.list('key')).toEqual([]);
      await storage.close();
    });
  });

  describe('keys', () => {
    test('one that the server does not know is refused, and the error names what was tried', async () => {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(work, 'another')]);
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', join(work, 'sealed')]);
      await settingsWith('another-key', (text) =>
        text.replace(/IdentityFile .*/, `IdentityFile ${work}/another\n  IdentityFile ${work}/sealed`),
      );
      const error = await errorAt('served:x');
      expect(error).toMatchObject({
        code: 'storage-failed',
        retryable: false,
        facts: { reason: 'auth-refused' },
      });
      expect(error.message).toContain(`${work}/another`);
      expect(error.message).toContain(`${work}/sealed (needs its passphrase)`);
    });

    test('the one that an agent holds opens the server', async () => {
      const socket = join(work, 'agent');
      const agent = execFileSync('ssh-agent', ['-a', socket, '-s'], { encoding: 'utf8' });
      const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent)?.[1]);
      try {
        const key = join(work, 'lent');
        await copyFile(join(sshd.folder, 'user'), key);
        await chmod(key, 0o600);
        execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
        await settingsWith('by-agent', (text) =>
          text
            .replace(/IdentityFile .*/, 'IdentityFile none')
            .replace('IdentityAgent none', `IdentityAgent ${socket}`),
        );
        const storage = await openSftpStorage('served:nothing-there');
        expect(await storage.list('key')).toEqual([]);
        await storage.close();
      } finally {
        process.kill(pid);
      }
    });

    test('a host behind another is reached through it, and each of the two must be known', async () => {
      await settingsWith(
        'jump',
        (text) =>
          `${text}\nHost behind\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  User ${sshd.user}\n  IdentityFile ${sshd.folder}/user\n  UserKnownHostsFile ${sshd.folder}/known_hosts\n  ProxyJump served\n`,
      );
      const storage = await openSftpStorage('behind:nothing-there');
      expect(await storage.list('key')).toEqual([]);
      await storage.close();
    });
  });

  test('a server that only lets read: everything is read, and what it refuses is said to be denied', async () => {
    const writable = await openSftpStorage(`served:${sshd.data}/read-only`);
    await writable.initialise();
    await writable.save(file, [content]);
    await writable.close();
    const readOnly = await startSshd({ isReadOnly: true, data: sshd.data });
    try {
      process.env['RELOCATE_SSH_CONFIG'] = readOnly.config;
      const storage = await openSftpStorage(`served:${sshd.data}/read-only`);
      expect((await storage.load(file)).equals(content)).toBe(true);
      const refused = { code: 'storage-failed', retryable: false, facts: { denied: true } };
      expect(await errorOf(storage.remove(file))).toMatchObject(refused);
      expect(await errorOf(storage.save(named('lock', content), [content]))).toMatchObject(refused);
      await storage.close();
    } finally {
      await readOnly.stop();
    }
  });

  (process.getuid?.() === 0 && process.platform === 'linux' ? test : test.skip)(
    'a disk that runs full there is said to be full, and nothing of the file is left (needs root, to mount one)',
    async () => {
      const small = join(sshd.data, 'small-disk');
      await mkdir(small);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=777', 'tmpfs', small]);
      try {
        const storage = await openSftpStorage(`served:${small}/repository`);
        await storage.initialise();
        const large = random.bytes(6_000_000);
        const error = await errorOf(storage.save(named('pack', large), [large]));
        expect(error).toMatchObject({ code: 'disk-full', hint: expect.stringContaining('sound') });
        expect(await storage.list('pack')).toEqual([]);
        await storage.save(file, [content]);
        expect((await storage.load(file)).equals(content)).toBe(true);
        await storage.close();
      } finally {
        execFileSync('umount', [small]);
      }
    },
  );

  test('connections that break in the middle of packs cost time and no byte', async () => {
    const proxy = await startTcpProxy(sshd.port);
    const app = await smallApp();
    try {
      const known = (await readFile(join(sshd.folder, 'known_hosts'), 'utf8')).replace(
        String(sshd.port),
        String(proxy.port),
      );
      await writeFile(join(work, 'through-proxy'), known);
      await settingsWith('proxied', (text) =>
        text
          .replace(/Port .*/, `Port ${proxy.port}`)
          .replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${work}/through-proxy`),
      );
      const url = `sftp:served:${sshd.data}/troubled`;
      await app.run(url, 'init', '--repository');
      proxy.cutAfter(9_000_000, 3);
      const said = await app.run(url, 'snapshot');
      expect(proxy.cuts()).toBe(3);
      expect(said).toMatch(/Trying again/);
      await app.run(url, 'check', '--read-data');
      const target = await app.emptyFolder();
      await app.run(url, 'restore', 'latest', '--target', target);
      expect(differences(await filesIn(join(target, 'data/files')), app.contents)).toEqual([]);
    } finally {
      await app.remove();
      await proxy.stop();
    }
  }, 180_000);

  test('a server that is not there may come back; a name that is none will not', async () => {
    await settingsWith('away', (text) => text.replace(/Port .*/, 'Port 9'));
    expect(await errorAt('served:x')).toMatchObject({ retryable: true, facts: { reason: 'ECONNREFUSED' } });
    await settingsWith('nowhere', (text) => text.replace('HostName 127.0.0.1', 'HostName host.invalid'));
    expect((await errorAt('served:x')).message).toMatch(/cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/);
  });
});
