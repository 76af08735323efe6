import { posix } from 'node:path';
import { RelocateError } from '../errors.ts';

/** Where a repository lies on an SFTP server. */
export interface SftpPlace {
  /** Left out where the address names none: then SSH's own settings say it. */
  user: string | undefined;
  /** A name, an address, or a `Host` of the user's SSH settings. */
  host: string;
  port: number | undefined;
  /** Absolute, or relative to where the server begins: the user's home as a rule. */
  path: string;
  /** As it is shown. */
  url: string;
}

/**
 * Reads what stands after `sftp:`, as restic takes it: `user@host:/absolute`, `user@host:relative`,
 * `//user@host:port//absolute`, `//user@host:port/relative`. Throws `usage`.
 */
export function parseSftpPlace(place: string): SftpPlace {
  const { user, host, port, path } = place.startsWith('//') ? ofUrl(place) : ofScpStyle(place);
  // Whoever writes “-oProxyCommand=…” for a host wants ssh to run something.
  if (!/^[\w.:%][\w.:%-]*$/.test(host)) throw wrong(`“${host}” is no name of an SSH host.`);
  if (user?.startsWith('-')) throw wrong(`“${user}” is no name of a user.`);
  if (path === '') throw wrong('The address of the SFTP server names no folder.');
  if (path.startsWith('~'))
    throw wrong(
      'A path on an SFTP server does not begin with “~”.',
      'Leave it out: without a leading slash the path counts from the user’s home.',
    );
  const folder = posix.normalize(path).replace(/(?<=.)\/$/, '');
  const login = `${user === undefined ? '' : `${user}@`}${host.includes(':') ? `[${host}]` : host}`;
  const url =
    port === undefined && !host.includes(':')
      ? `sftp:${login}:${folder}`
      : `sftp://${login}${port === undefined ? '' : `:${port}`}/${folder}`;
  return { user, host, port, path: folder, url };
}

type Parts = Omit<SftpPlace, 'url'>;

function ofUrl(place: string): Parts {
  // Not `URL`: it would take the two slashes of an absolute path for one.
  const match = /^\/\/(?:([^@/]*)@)?(\[[^\]/]*\]|[^:/]*)(?::(\d+))?\/(.*)$/s.exec(place);
  if (match === null) throw wrong('That is no address of an SFTP server.');
  const [, login, host = '', port, path = ''] = match;
  if (login?.includes(':')) throw passwordGiven();
  if (port !== undefined && !(Number(port) > 0 && Number(port) < 65_536))
    throw wrong(`There is no port ${port}.`);
  return {
    user: decoded(login),
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined ? undefined : Number(port),
    path: decoded(path) ?? '',
  };
}

function ofScpStyle(place: string): Parts {
  if (/^[^@:/]*:[^@/]*@[^/]*:/.test(place)) throw passwordGiven();
  const match = /^(?:([^@:/]+)@)?(\[[^\]]*\]|[^:/@]+):(.*)$/s.exec(place);
  if (match === null) throw wrong('That is no address of an SFTP server.');
  const [, user, host = '', path = ''] = match;
  return { user, host: host.replace(/^\[(.*)\]$/, '$1'), port: undefined, path };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('The address of the SFTP server has a “%” that stands for no character.');
  }
}

function passwordGiven(): RelocateError {
  return wrong(
    'An address of an SFTP server holds no password.',
    'Let the server know a key of yours (ssh-copy-id), or load one into the SSH agent (ssh-add).',
  );
}

function wrong(
  message: string,
  hint = 'Write it like sftp:user@host:/srv/backups or sftp://user@host:2222//srv/backups',
): RelocateError {
  return new RelocateError('usage', message, { hint });
}
