import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { RelocateError, systemCodeOf } from '../errors.ts';
import type { SshFailures } from './errors.ts';

/** A host as somebody names it; what is left out is said by the user's own SSH settings. */
export interface SshAsked {
  user: string | undefined;
  /** A name, an address, or a `Host` of the user's SSH settings. */
  host: string;
  port: number | undefined;
  /** The one key that it must have, as "ssh-ed25519 AAAA…"; undefined: one of those that known_hosts has for it. */
  hostKey?: string | undefined;
  /** Text of the one key to log in with. */
  privateKey?: string | undefined;
  /** To be tried before those of the settings. */
  identityFile?: string | undefined;
  /** Hosts to go through, as `ProxyJump` has them, in place of those of the settings. */
  jump?: string | undefined;
}

/** How a host is reached by SSH, as the user's own settings say. */
export interface SshSettings {
  hostName: string;
  port: number;
  user: string;
  /** Tried in this order; those that are not there are passed over. */
  identityFiles: string[];
  identitiesOnly: boolean;
  agentSocket: string | undefined;
  knownHostsFiles: string[];
  hostKeyAlias: string | undefined;
  /** Hosts to go through, the first one first, each as `user@host:port`. */
  jumps: string[];
  hostKey: string | undefined;
  privateKey: string | undefined;
}

/**
 * Asks OpenSSH's client what it would do (`ssh -G`), so that each word of ~/.ssh/config means what it means there; on a
 * machine without it, its defaults. `RELOCATE_SSH_CONFIG` names another file of settings, as `ssh -F` does.
 */
export async function sshSettingsOf(asked: SshAsked, failures: SshFailures): Promise<SshSettings> {
  const { execa } = await import('execa');
  const config = process.env['RELOCATE_SSH_CONFIG'];
  const args = [
    '-G',
    ...(config === undefined || config === '' ? [] : ['-F', config]),
    ...(asked.port === undefined ? [] : ['-p', String(asked.port)]),
    ...(asked.user === undefined ? [] : ['-l', asked.user]),
    '--',
    asked.host,
  ];
  const result = await execa('ssh', args, { reject: false, stdin: 'ignore', timeout: 30_000 });
  if (result.failed && systemCodeOf(result) === 'ENOENT') return parseSshSettings('', asked);
  if (result.failed)
    throw new RelocateError(failures.connection, `The SSH settings for ${asked.host} cannot be read.`, {
      facts: { reason: 'ssh-settings', said: result.stderr.slice(0, 500) },
      hint: `What is wrong says: ssh -G ${asked.host}`,
    });
  return parseSshSettings(result.stdout, asked);
}

/** Reads what `ssh -G` prints: a word and its value in each line. */
export function parseSshSettings(text: string, asked: SshAsked): SshSettings {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [word, value] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1).trim()];
    values.set(word, [...(values.get(word) ?? []), value]);
  }
  const first = (word: string) => {
    const value = values.get(word)?.[0];
    return value === undefined || value === 'none' ? undefined : value;
  };
  if (first('proxycommand') !== undefined)
    throw new RelocateError('usage', `The SSH settings for ${asked.host} have a ProxyCommand.`, {
      facts: { host: asked.host },
      hint: 'Hosts on the way are gone through by ProxyJump; name them so in ~/.ssh/config.',
    });
  const hostName = first('hostname') ?? asked.host;
  const user = first('user') ?? asked.user ?? userInfo().username;
  const expand = (path: string) => expanded(path, { hostName, user, host: asked.host });
  const files = (word: string) => (values.get(word) ?? []).flatMap((value) => value.split(' '));
  const known = [...files('userknownhostsfile'), ...files('globalknownhostsfile')];
  const named = asked.identityFile === undefined ? [] : [asked.identityFile];
  const identities = [...named, ...(values.get('identityfile') ?? defaultKeys)];
  return {
    hostName,
    port: Number(first('port') ?? asked.port ?? 22),
    user,
    identityFiles: identities.filter((path) => path !== 'none').map(expand),
    identitiesOnly: asked.identityFile !== undefined || first('identitiesonly') === 'yes',
    agentSocket: agentSocketOf(values.get('identityagent')?.[0], expand),
    knownHostsFiles: (known.length > 0 ? known : defaultKnownHosts).map(expand),
    hostKeyAlias: first('hostkeyalias'),
    jumps: (asked.jump ?? first('proxyjump'))?.split(',') ?? [],
    hostKey: asked.hostKey,
    privateKey: asked.privateKey,
  };
}

const defaultKeys = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];
const defaultKnownHosts = ['~/.ssh/known_hosts', '~/.ssh/known_hosts2', '/etc/ssh/ssh_known_hosts'];

/** The files' text; those that are not there, or may not be read, are passed over as ssh does. */
export async function readAll(paths: readonly string[]): Promise<string> {
  const texts = paths.map((path) => readFile(path, 'utf8').catch(() => ''));
  return (await Promise.all(texts)).join('\n');
}

function agentSocketOf(named: string | undefined, expand: (path: string) => string): string | undefined {
  if (named === 'none') return undefined;
  if (named === undefined || named === 'SSH_AUTH_SOCK') return process.env['SSH_AUTH_SOCK'] || undefined;
  return named.startsWith('$') ? process.env[named.slice(1)] : expand(named);
}

function expanded(path: string, of: { hostName: string; user: string; host: string }): string {
  const tokens: Record<string, string> = {
    '%%': '%',
    '%d': homedir(),
    '%h': of.hostName,
    '%n': of.host,
    '%r': of.user,
    '%u': userInfo().username,
  };
  const bare = path.replace(/^"(.*)"$/, '$1').replaceAll(/%./g, (token) => tokens[token] ?? token);
  return bare.startsWith('~/') ? join(homedir(), bare.slice(2)) : bare;
}
