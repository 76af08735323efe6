import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type * as Ssh2 from 'ssh2';
import type { SftpPlace } from './sftp-place.ts';
import { fingerprintOf, knownKeysOf, namesOf, verdictOn, type KnownKeys } from './sftp-known-hosts.ts';
import { authRefused, hostKeyRefused } from './sftp-errors.ts';
import { readAll, sshSettingsOf, type SshSettings } from './sftp-settings.ts';

type Ssh = Pick<typeof Ssh2, 'Client' | 'utils'>;
type Asked = Pick<SftpPlace, 'user' | 'host' | 'port'>;

const readyTimeoutMs = 30_000;
const maxJumps = 8;

export interface SshConnection {
  client: Ssh2.Client;
  /** All goes through it, also what goes through other hosts. */
  socket: Socket;
  /** Ends it, and those it goes through. */
  end(): void;
}

/** Connects, through the hosts that the settings name. Each host must be one of the known ones. */
export async function connectSsh(asked: Asked): Promise<SshConnection> {
  const ssh = (await import('ssh2')).default;
  const settings = await sshSettingsOf(asked);
  // What is asked of a host on the way is its own settings, but not to go through others again.
  const onTheWay = settings.jumps.slice(0, maxJumps).map((jump) => sshSettingsOf(parseJump(jump)));
  const hops = [...(await Promise.all(onTheWay)), settings];
  const socket = await connectSocket(hops[0] ?? settings);
  const clients: Ssh2.Client[] = [];
  const end = () => {
    for (const client of clients.toReversed()) client.end();
    socket.destroySoon();
  };
  try {
    let through: Duplex = socket;
    for (const [at, hop] of hops.entries()) {
      const client = await connectTo(ssh, hop, through);
      clients.push(client);
      const next = hops[at + 1];
      if (next === undefined) return { client, socket, end };
      through = await forwarded(client, next.hostName, next.port);
    }
    throw lost();
  } catch (error) {
    end();
    throw error;
  }
}

async function connectSocket({ hostName, port }: SshSettings): Promise<Socket> {
  // Requests are small, and each that waits to be sent with others costs 40 ms.
  const socket = connect({ host: hostName, port, noDelay: true, keepAlive: true, timeout: readyTimeoutMs });
  socket.once('timeout', () => socket.destroy(timedOut()));
  await once(socket, 'connect');
  socket.setTimeout(0);
  return socket;
}

function parseJump(jump: string): Asked {
  const match = /^(?:ssh:\/\/)?(?:(.*)@)?(\[.*\]|[^:]*)(?::(\d+))?$/.exec(jump);
  const [, user, host = jump, port] = match ?? [];
  return {
    user,
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined ? undefined : Number(port),
  };
}

async function connectTo(ssh: Ssh, settings: SshSettings, through: Duplex): Promise<Ssh2.Client> {
  const names = namesOf(settings.hostName, settings.port, settings.hostKeyAlias);
  const known = knownKeysOf(await readAll(settings.knownHostsFiles), names);
  const methods = await authMethodsOf(ssh, settings);
  const client = new ssh.Client();
  let refusal: Error | undefined;
  const wanted = algorithmsFor(known);
  const ready = new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.once('error', reject);
    client.once('close', () => reject(lost()));
  });
  // Errors that come after the connection stood are seen by its end; without a listener they would end the process.
  client.on('error', () => {});
  client.connect({
    host: settings.hostName,
    port: settings.port,
    username: settings.user,
    sock: through,
    readyTimeout: readyTimeoutMs,
    ...(wanted.length === 0 ? {} : { algorithms: { serverHostKey: wanted } }),
    authHandler: methods.tried,
    hostVerifier: (key: Buffer) => {
      const verdict = verdictOn(key, known);
      if (verdict === 'known') return true;
      refusal = hostKeyRefused(settings, verdict, fingerprintOf(key));
      return false;
    },
  });
  try {
    await ready;
  } catch (cause) {
    client.end();
    if (refusal !== undefined) throw refusal;
    if (isAuthFailure(cause)) throw authRefused(settings, methods.told, cause);
    throw cause;
  }
  return client;
}

/** The server is asked for a key of the kinds that are known; it has others, which would look like a stranger’s. */
function algorithmsFor(known: KnownKeys): Ssh2.ServerHostKeyAlgorithm[] {
  const of: Record<string, Ssh2.ServerHostKeyAlgorithm[]> = {
    'ssh-ed25519': ['ssh-ed25519'],
    'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
    'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
    'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
    'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
  };
  return [...new Set(known.trusted.flatMap(({ type }) => of[type] ?? []))];
}

interface AuthMethods {
  tried: Ssh2.AnyAuthMethod[];
  /** What was tried, and what could not be, for the person. */
  told: string[];
}

async function authMethodsOf(ssh: Ssh, settings: SshSettings): Promise<AuthMethods> {
  const { user: username, agentSocket } = settings;
  const keys: AuthMethods = { tried: [], told: [] };
  for (const path of settings.identityFiles) {
    const text = await readFile(path).catch(() => undefined);
    if (text === undefined) continue;
    const key = ssh.utils.parseKey(text);
    if (key instanceof Error) {
      keys.told.push(
        `${path} (${/encrypted/i.test(key.message) ? 'needs its passphrase' : 'cannot be read'})`,
      );
      continue;
    }
    keys.tried.push({ type: 'publickey', username, key });
    keys.told.push(path);
  }
  const agent: AuthMethods =
    agentSocket === undefined
      ? { tried: [], told: [] }
      : { tried: [{ type: 'agent', username, agent: agentSocket }], told: ['the SSH agent'] };
  // Servers take a few attempts only: where the settings name the keys, those of the agent come last.
  const order = settings.identitiesOnly ? [keys, agent] : [agent, keys];
  return { tried: order.flatMap(({ tried }) => tried), told: order.flatMap(({ told }) => told) };
}

function forwarded(client: Ssh2.Client, host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    client.forwardOut('127.0.0.1', 0, host, port, (error, channel) =>
      error === undefined ? resolve(channel) : reject(error),
    );
  });
}

function isAuthFailure(cause: unknown): boolean {
  return (
    typeof cause === 'object' && cause !== null && 'level' in cause && cause.level === 'client-authentication'
  );
}

/** As the system calls it, so that it counts as what may pass. */
export function lost(): Error {
  return Object.assign(new Error('The connection was lost.'), { code: 'ECONNRESET' });
}

export function timedOut(): Error {
  return Object.assign(new Error('No answer came.'), { code: 'ETIMEDOUT' });
}
