import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';

const execute = promisify(execFile);

/** A pair of keys made for one test, and OpenSSH with it. */
export interface Login extends AsyncDisposable {
  publicKey: string;
  privateKey: string;
  /** Runs a command as root; rejects with what ssh said. The host's key must be the one given. */
  ssh(address: string, hostKey: string, command: string): Promise<string>;
}

export async function newLogin(): Promise<Login> {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-lab-login-'));
  const key = join(folder, 'key');
  await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lab', '-f', key]);
  await chmod(key, 0o600);
  return {
    publicKey: (await readFile(`${key}.pub`, 'utf8')).trim(),
    privateKey: await readFile(key, 'utf8'),
    async ssh(address, hostKey, command) {
      await writeFile(join(folder, 'known'), `${address} ${hostKey.split(' ').slice(0, 2).join(' ')}\n`);
      const options = [
        'BatchMode=yes',
        'StrictHostKeyChecking=yes',
        'ConnectTimeout=2',
        'LogLevel=ERROR',
        'ServerAliveInterval=1',
      ];
      const flags = [...options, `UserKnownHostsFile=${join(folder, 'known')}`].flatMap((one) => ['-o', one]);
      const { stdout } = await execute(
        'ssh',
        ['-F', 'none', '-i', key, ...flags, `root@${address}`, command],
        {
          timeout: 60_000,
        },
      );
      return stdout;
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Tries until it goes well; rejects with the last failure after `patienceMs`. */
export async function eventually<T>(attempt: () => Promise<T>, patienceMs = 120_000): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(100);
    }
  }
}
