import { RelocateError, type Facts } from '../errors.ts';

/** What all storages say in the same words, each with its own facts and its own way on. */

export interface Refusal {
  /** The storage's URL, fit for messages. */
  url: string;
  /** Reads as “The file index/abc in URL could not be read”. */
  what: string;
  facts: Facts;
  cause: unknown;
}

/** Connections that broke or were not taken: the next attempt may go well. */
const passingCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);
const unreachableCodes = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
const deniedCodes = new Set(['EACCES', 'EPERM', 'EROFS']);

export function isPassing(code: string | undefined): boolean {
  return code !== undefined && passingCodes.has(code);
}

export function isUnreachable(code: string | undefined): boolean {
  return code !== undefined && unreachableCodes.has(code);
}

/** Whether the system refuses for want of permission. */
export function isDenied(code: string | undefined): boolean {
  return code !== undefined && deniedCodes.has(code);
}

/** Whether an answer of this status may be another one later. */
export function isPassingStatus(status: number | undefined): boolean {
  return status !== undefined && (status === 408 || status === 429 || (status >= 500 && status !== 501));
}

export function missingFile({ what, facts, cause }: Refusal): RelocateError {
  return new RelocateError('storage-failed', `${what}: it is not there.`, {
    facts: { ...facts, missing: true },
    cause,
  });
}

export function denied({ what, facts, cause }: Refusal, reason: string, hint: string): RelocateError {
  return new RelocateError('storage-failed', `${what}: the server denies it (${reason}).`, {
    facts: { ...facts, denied: true },
    hint,
    cause,
  });
}

export function storageFull({ url, facts, cause }: Refusal, reason: string): RelocateError {
  return new RelocateError('disk-full', `The storage behind ${url} is full (${reason}).`, {
    facts,
    hint: 'Everything stored before is sound. Make room and run the same command again; what was stored is used.',
    cause,
  });
}

export function unreachable({ url, facts, cause }: Refusal, code: string | undefined): RelocateError {
  return new RelocateError('storage-failed', `The server of ${url} cannot be reached (${code}).`, {
    facts,
    hint: 'Check the address and the network, then run the same command again; what was stored is used.',
    retryable: isPassing(code),
    cause,
  });
}

export function clockSkewed({ url, facts, cause }: Refusal): RelocateError {
  return new RelocateError(
    'storage-failed',
    `The clock of this machine differs too much from the server’s, so ${url} refuses all requests.`,
    {
      facts,
      hint: 'Set the clock (for example with timedatectl set-ntp true), then run the same command again.',
      cause,
    },
  );
}

export function noCredentials({ url, facts, cause }: Refusal, hint: string): RelocateError {
  return new RelocateError('storage-failed', `No credentials were found for ${url}.`, { facts, hint, cause });
}

export function badCredentials({ url, facts, cause }: Refusal, reason: string, hint: string): RelocateError {
  return new RelocateError(
    'storage-failed',
    `The server does not accept the credentials for ${url} (${reason}).`,
    { facts, hint, cause },
  );
}

/** `kind` is what the place is called there: bucket, container. */
export function missingPlace({ url, facts, cause }: Refusal, kind: string, name: string): RelocateError {
  return new RelocateError('storage-failed', `There is no ${kind} “${name}” at ${url}.`, {
    facts,
    hint: 'Check its name; relocate init --repository makes it, with a repository in it.',
    cause,
  });
}

/** Anything else, with the server’s own word for it. */
export function failed(
  { what, facts, cause }: Refusal,
  reason: string,
  retryable: boolean,
  status?: number,
): RelocateError {
  const said = `${reason}${status === undefined ? '' : `, status ${status}`}`;
  return new RelocateError('storage-failed', `${what} (${said}).`, { facts, retryable, cause });
}
