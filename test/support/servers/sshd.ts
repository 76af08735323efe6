import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, chown, copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, startServer } from './server.ts';

/** OpenSSH's own server; bin/setup --for test brings it where the machine has none. */
const broughtFolder = fileURLToPath(new URL('../../../.tools/openssh', import.meta.url));
const sshdProgram = existsSync(join(broughtFolder, 'sshd'))
  ? join(broughtFolder, 'sshd')
  : findProgram('sshd');
const hasClient = findProgram('ssh') !== undefined && findProgram('ssh-keygen') !== undefined;
export const hasSshd = sshdProgram !== undefined && hasClient;
export const sshdReason = 'needs OpenSSH, client and server: bin/setup --for test brings them on Debian';

export interface Sshd {
  port: number;
  user: string;
  uid: number;
  /** "ssh-ed25519 AAAA…" */
  hostKey: string;
  /** Where it serves files; the user there owns it. */
  data: string;
  /** With ssh’s settings (`config`), `known_hosts`, the host’s keys and the user’s key (`user`). */
  folder: string;
  /** Settings of ssh by which `served` and 127.0.0.1 are known, with the right key and host key. */
  config: string;
  /** What it prints, with each login and each connection that ended. */
  output(): string;
  stop(): Promise<void>;
}

export interface SshdOptions {
  /** Only reading: `remove` and `save` are denied. */
  isReadOnly?: boolean;
  /** A folder of another one’s that it serves. */
  data?: string;
  /** Programs can be run there too, with `data` for a home. As root it needs a user of the machine that has a shell. */
  runsPrograms?: boolean;
  /** More lines for sshd_config. */
  settings?: string[];
}

/** Who an SSH server can be that runs programs: ourselves, or PostgreSQL’s user, whom Debian gives a shell. */
function shellUser(): { name: string; uid: number; gid: number } | undefined {
  const own = userInfo();
  if (own.uid !== 0) return { name: own.username, uid: own.uid, gid: own.gid };
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith('postgres:') && one.endsWith('sh'));
  const [name, , uid, gid] = line?.split(':') ?? [];
  return name === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}

export const hasShellSshd = hasSshd && shellUser() !== undefined;
export const shellSshdReason = `${sshdReason}; as root, a user postgres with a shell as well`;

const nobody = { name: 'nobody', uid: 65_534, gid: 65_534 };

/**
 * Starts an SSH server that knows one key and serves files only. It runs as an ordinary user (root’s server would want
 * the machine to be prepared for it), so that user is the only one who can log in.
 */
export async function startSshd({
  isReadOnly = false,
  data: given,
  runsPrograms = false,
  settings: more = [],
}: SshdOptions = {}): Promise<Sshd> {
  if (sshdProgram === undefined) throw new Error(sshdReason);
  const folder = await mkdtemp(join(tmpdir(), 'relocate-sshd-'));
  const own = userInfo();
  const files = own.uid === 0 ? nobody : { name: own.username, uid: own.uid, gid: own.gid };
  const runner = (runsPrograms ? shellUser() : files) ?? files;
  const served = join(folder, 'served');
  const data = given ?? join(served, 'data');
  await mkdir(served);
  await mkdir(data, { recursive: true });
  const make = (name: string, type: string) =>
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'relocate test', '-f', join(folder, name)]);
  make('user', 'ed25519');
  make('served/host-ed25519', 'ed25519');
  make('served/host-ecdsa', 'ecdsa');
  await copyFile(join(folder, 'user.pub'), join(served, 'authorized_keys'));
  // It starts itself anew for each connection, as the ordinary user, who may not reach into this project.
  const program = join(served, 'sshd');
  await copyFile(sshdProgram, program);
  await chmod(program, 0o755);
  if (existsSync(broughtFolder)) await cp(`${broughtFolder}/.`, served, { recursive: true });
  const settings = join(served, 'sshd_config');
  const keys = ['host-ed25519', 'host-ecdsa', 'authorized_keys'].map((name) => join(served, name));
  for (const path of [served, data, ...keys]) await chown(path, runner.uid, runner.gid);
  await chmod(folder, 0o755);
  const lines = [
    'ListenAddress 127.0.0.1',
    `HostKey ${keys[0]}`,
    `HostKey ${keys[1]}`,
    `AuthorizedKeysFile ${keys[2]}`,
    'StrictModes no',
    // Without it an account that no password opens counts as locked.
    'UsePAM yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'MaxStartups 100',
    'PidFile none',
    ...(runsPrograms ? [`SetEnv HOME=${data}`] : []),
    ...more,
    `Subsystem sftp internal-sftp -d ${data}${isReadOnly ? ' -R' : ''}`,
  ];
  await writeFile(settings, `${lines.join('\n')}\n`);
  const server = await startServer(program, (port) => ['-D', '-e', '-f', settings, '-p', String(port)], {
    env: { LD_LIBRARY_PATH: served },
    user: own.uid === 0 ? runner : undefined,
  });
  const hostKey = (await readFile(join(served, 'host-ed25519.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${server.port} ${hostKey}\n`);
  const config = join(folder, 'config');
  await writeFile(config, sshConfig({ folder, port: server.port, user: runner.name }));
  return {
    port: server.port,
    user: runner.name,
    uid: runner.uid,
    hostKey,
    data,
    folder,
    config,
    output: () => server.output(),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function sshConfig({ folder, port, user }: { folder: string; port: number; user: string }): string {
  return `Host served
  HostName 127.0.0.1
  Port ${port}

Host served 127.0.0.1
  User ${user}
  IdentityFile ${folder}/user
  IdentityAgent none
  UserKnownHostsFile ${folder}/known_hosts
  GlobalKnownHostsFile /dev/null
`;
}
