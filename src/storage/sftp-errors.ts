import { RelocateError, systemCodeOf } from '../errors.ts';
import type { SshSettings } from './sftp-settings.ts';
import {
  denied,
  failed,
  isPassing,
  isUnreachable,
  missingFile,
  unreachable,
  type Refusal,
} from './storage-errors.ts';

/** What a server of SFTP version 3 can say, by number; there is one word for all that is not of these. */
const statusNames = [
  'OK',
  'EOF',
  'NO_SUCH_FILE',
  'PERMISSION_DENIED',
  'FAILURE',
  'BAD_MESSAGE',
  'NO_CONNECTION',
  'CONNECTION_LOST',
  'OP_UNSUPPORTED',
];

/** The server’s own word, where it said one. */
export function statusOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'number' ? statusNames[error.code] : undefined;
}

export function isMissing(error: unknown): boolean {
  return statusOf(error) === 'NO_SUCH_FILE';
}

/** The error that says what the server refused and what to do about it. */
export function translate(url: string, what: string, cause: unknown): RelocateError {
  if (cause instanceof RelocateError) return cause;
  const status = statusOf(cause);
  const code = systemCodeOf(cause);
  const refusal: Refusal = { url, what, facts: { reason: code ?? status ?? 'unknown' }, cause };
  if (status === 'NO_SUCH_FILE') return missingFile(refusal);
  if (status === 'PERMISSION_DENIED')
    return denied(
      refusal,
      status,
      'The user there needs to own the folder, or to be given the right to write in it.',
    );
  if (isUnreachable(code)) return unreachable(refusal, code);
  const isLost = status === 'NO_CONNECTION' || status === 'CONNECTION_LOST' || isTimeout(cause);
  return failed(refusal, code ?? status ?? messageOf(cause), isLost || isPassing(code));
}

/** A host that is not surely the one it was is given nothing: no data, no name of a user. */
export function hostKeyRefused(
  { hostName, port, knownHostsFiles: [file = '~/.ssh/known_hosts'] }: SshSettings,
  verdict: 'unknown' | 'differs' | 'revoked',
  fingerprint: string,
): RelocateError {
  const portOption = port === 22 ? '' : `-p ${port} `;
  const entry = port === 22 ? hostName : `'[${hostName}]:${port}'`;
  const facts = { reason: `host-key-${verdict}`, host: hostName, port, fingerprint };
  const compare = 'Compare that fingerprint with what the host’s owner tells you';
  if (verdict === 'unknown')
    return new RelocateError(
      'storage-failed',
      `The SSH host ${hostName} is not known: nothing says that its key ${fingerprint} is the right one.`,
      { facts, hint: `${compare}, then: ssh-keyscan ${portOption}${hostName} >> ${file}` },
    );
  if (verdict === 'revoked')
    return new RelocateError(
      'storage-failed',
      `The key ${fingerprint} of the SSH host ${hostName} was revoked.`,
      {
        facts,
        hint: `${file} says so. Nothing was sent. Ask the host’s owner for its new key.`,
      },
    );
  return new RelocateError(
    'storage-failed',
    `The SSH host ${hostName} has another key than the known one, ${fingerprint}: it may be somebody else.`,
    {
      facts,
      hint: `Nothing was sent. ${compare}; only if it is right: ssh-keygen -R ${entry} -f ${file}, then ssh-keyscan ${portOption}${hostName} >> ${file}`,
    },
  );
}

export function authRefused(
  { hostName, user }: SshSettings,
  tried: readonly string[],
  cause: unknown,
): RelocateError {
  const told = tried.length === 0 ? 'there was none to try' : `tried: ${tried.join(', ')}`;
  return new RelocateError('storage-failed', `${user}@${hostName} accepts none of the keys (${told}).`, {
    facts: { reason: 'auth-refused', host: hostName, user },
    hint: 'Let it know one of them (ssh-copy-id), or load the right one into the SSH agent (ssh-add).',
    cause,
  });
}

/** Of ssh2: no answer while the connection was made, or none for minutes. */
function isTimeout(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'level' in cause && cause.level === 'client-timeout';
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.slice(0, 200) : 'unknown';
}
