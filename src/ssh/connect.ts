import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type * as Ssh2 from 'ssh2';
import { fingerprintOf, knownKeysOf, namesOf, verdictOn, type KnownKeys } from './known-hosts.ts';
import { authRefused, hostKeyRefused, type SshFailures } from './errors.ts';
import { readAll, sshSettingsOf, type SshAsked, type SshSettings } from './settings.ts';

type Ssh = Pick<typeof Ssh2, 'Client' | 'utils'>;

const defaultReadyTimeoutMs = 30_000;
const maxJumps = 8;

export interface SshConnection {
  client: Ssh2.Client;
  /** All goes through it, also what goes through other hosts. */
  socket: Socket;
  /** Ends it, and those it goes through. */
  end(): void;
}

export interface ConnectOptions {
  failures: SshFailures;
  /** For each host to answer, from the first byte to being logged in; 30,000 by default. */
  readyTimeoutMs?: number;
  /** How often an idle connection is asked whether it lives; three times without an answer end it. Never by default. */
  keepaliveMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Connects, through the hosts that the settings name. Each host must be one of the known ones. Throws the errors of
 * `failures` where a key does not fit, and what the system says (`ECONNREFUSED`, `ETIMEDOUT`, …) for the rest.
 */
export async function connectSsh(asked: SshAsked, options: ConnectOptions): Promise<SshConnection> {
  const { failures, signal } = options;
  const ssh = (await import('ssh2')).default;
  const settings = await sshSettingsOf(asked, failures);
  // What is asked of a host on the way is its own settings, but not to go through others again.
  const onTheWay = settings.jumps.slice(0, maxJumps).map((jump) => sshSettingsOf(parseJump(jump), failures));
  const hops = [...(await Promise.all(onTheWay)), settings];
  signal?.throwIfAborted();
  const socket = await connectSocket(hops[0] ?? settings, options);
  const clients: Ssh2.Client[] = [];
  const end = () => {
    for (const client of clients.toReversed()) client.end();
    socket.destroySoon();
  };
  const abort = () => socket.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    let through: Duplex = socket;
    for (const [at, hop] of hops.entries()) {
      const client = await connectTo(ssh, hop, through, options);
      clients.push(client);
      const next = hops[at + 1];
      if (next === undefined) return { client, socket, end };
      through = await forwarded(client, next.hostName, next.port);
    }
    throw lost();
  } catch (error) {
    end();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function connectSocket(
  { hostName, port }: SshSettings,
  { readyTimeoutMs = defaultReadyTimeoutMs, signal }: ConnectOptions,
): Promise<Socket> {
  // Requests are small, and each that waits to be sent with others costs 40 ms.
  const socket = connect({ host: hostName, port, noDelay: true, keepAlive: true, timeout: readyTimeoutMs });
  socket.once('timeout', () => socket.destroy(timedOut()));
  await once(socket, 'connect', { signal }).catch((error: unknown) => {
    socket.destroy();
    signal?.throwIfAborted();
    throw error;
  });
  socket.setTimeout(0);
  return socket;
}

function parseJump(jump: string): SshAsked {
  const match = /^(?:ssh:\/\/)?(?:(.*)@)?(\[.*\]|[^:]*)(?::(\d+))?$/.exec(jump);
  const [, user, host = jump, port] = match ?? [];
  return {
    user,
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined ? undefined : Number(port),
  };
}

async function connectTo(
  ssh: Ssh,
  settings: SshSettings,
  through: Duplex,
  { failures, readyTimeoutMs = defaultReadyTimeoutMs, keepaliveMs = 0 }: ConnectOptions,
): Promise<Ssh2.Client> {
  const names = namesOf(settings.hostName, settings.port, settings.hostKeyAlias);
  const known =
    settings.hostKey === undefined
      ? knownKeysOf(await readAll(settings.knownHostsFiles), names)
      : pinned(settings.hostKey);
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
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: 3,
    ...(wanted.length === 0 ? {} : { algorithms: { serverHostKey: wanted } }),
    authHandler: methods.tried,
    hostVerifier: (key: Buffer) => {
      const verdict = verdictOn(key, known);
      if (verdict === 'known') return true;
      refusal = hostKeyRefused(settings, verdict, fingerprintOf(key), failures);
      return false;
    },
  });
  try {
    await ready;
  } catch (cause) {
    client.end();
    if (refusal !== undefined) throw refusal;
    if (isAuthFailure(cause)) throw authRefused(settings, methods.told, failures, cause);
    throw cause;
  }
  return client;
}

/** "ssh-ed25519 AAAA…", as a public key's file has it. */
function pinned(hostKey: string): KnownKeys {
  const [type = '', base64 = ''] = hostKey.trim().split(/\s+/);
  return { trusted: [{ type, base64 }], revoked: [] };
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
  if (settings.privateKey !== undefined) {
    const tried: Ssh2.AnyAuthMethod[] = [{ type: 'publickey', username, key: settings.privateKey }];
    return { tried, told: ['the deployment’s own key'] };
  }
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
