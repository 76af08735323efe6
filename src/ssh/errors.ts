import { RelocateError, type ErrorCode } from '../errors.ts';
import type { SshSettings } from './settings.ts';

/** What errors of a connection are called: a storage’s are told from a host’s. */
export interface SshFailures {
  /** The host’s key is not the known one. */
  hostKey: ErrorCode;
  /** Keys that are refused, settings that cannot be read. */
  connection: ErrorCode;
}

/** A host that is not surely the one it was is given nothing: no data, no name of a user. */
export function hostKeyRefused(
  { hostName, port, knownHostsFiles: [file = '~/.ssh/known_hosts'], hostKey }: SshSettings,
  verdict: 'unknown' | 'differs' | 'revoked',
  fingerprint: string,
  failures: SshFailures,
): RelocateError {
  const portOption = port === 22 ? '' : `-p ${port} `;
  const entry = port === 22 ? hostName : `'[${hostName}]:${port}'`;
  const facts = { reason: `host-key-${verdict}`, host: hostName, port, fingerprint };
  if (hostKey !== undefined)
    return new RelocateError(
      failures.hostKey,
      `The SSH host ${hostName} has another key than the one it was given, ${fingerprint}: it may be somebody else.`,
      {
        facts,
        hint: 'Nothing was sent. If the machine was set up anew by you, correct or remove its hostKey; if not, find out who answers there.',
      },
    );
  const compare = 'Compare that fingerprint with what the host’s owner tells you';
  if (verdict === 'unknown')
    return new RelocateError(
      failures.hostKey,
      `The SSH host ${hostName} is not known: nothing says that its key ${fingerprint} is the right one.`,
      { facts, hint: `${compare}, then: ssh-keyscan ${portOption}${hostName} >> ${file}` },
    );
  if (verdict === 'revoked')
    return new RelocateError(
      failures.hostKey,
      `The key ${fingerprint} of the SSH host ${hostName} was revoked.`,
      {
        facts,
        hint: `${file} says so. Nothing was sent. Ask the host’s owner for its new key.`,
      },
    );
  return new RelocateError(
    failures.hostKey,
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
  failures: SshFailures,
  cause: unknown,
): RelocateError {
  const told = tried.length === 0 ? 'there was none to try' : `tried: ${tried.join(', ')}`;
  return new RelocateError(failures.connection, `${user}@${hostName} accepts none of the keys (${told}).`, {
    facts: { reason: 'auth-refused', host: hostName, user },
    hint: 'Let it know one of them (ssh-copy-id), or load the right one into the SSH agent (ssh-add).',
    cause,
  });
}
