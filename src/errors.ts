/**
 * The one error type of the program. Whoever throws it says what happened (`message`), with which values
 * (`facts`, never secrets), what is safe and which command goes on (`hint`), and whether trying again may help.
 */
export class RelocateError extends Error {
  readonly code: ErrorCode;
  readonly facts: Facts;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RelocateError';
    this.code = code;
    this.facts = details.facts ?? {};
    this.hint = details.hint;
    this.retryable = details.retryable ?? false;
  }
}

export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ErrorDetails {
  facts?: Facts;
  /** What is safe, and the command to go on with. One or two short sentences. */
  hint?: string | undefined;
  retryable?: boolean;
  cause?: unknown;
}

/** Stable names of what can go wrong; the exit code follows from them and from nothing else. */
export const exitCodes = {
  usage: 2,
  'config-invalid': 2,
  'config-missing': 2,
  'repository-missing': 10,
  'repository-locked': 11,
  'snapshot-busy': 11,
  'deployment-busy': 11,
  'wrong-password': 12,
  interrupted: 130,
  incomplete: 3,
  'not-verified': 3,
  'repository-exists': 1,
  'repository-damaged': 1,
  'repository-unsupported': 1,
  'lock-lost': 1,
  'storage-failed': 1,
  'disk-full': 1,
  'snapshot-missing': 1,
  'snapshot-hostile': 1,
  'source-failed': 1,
  'source-empty': 1,
  'hook-failed': 1,
  'tool-missing': 1,
  'version-mismatch': 1,
  'host-failed': 1,
  'host-key-differs': 1,
  'preflight-failed': 1,
  'provision-failed': 1,
  'restore-failed': 1,
  'start-failed': 1,
  'verify-failed': 1,
  'no-target': 1,
  'deployment-missing': 1,
  'deployment-unfinished': 1,
  'deployment-damaged': 1,
  'dns-zone-missing': 1,
  'dns-changed': 1,
  'dns-failed': 1,
  'cutover-refused': 1,
  'cutover-missing': 1,
  'cutover-busy': 11,
  'cutover-damaged': 1,
  internal: 1,
} as const;

export type ErrorCode = keyof typeof exitCodes;

export function exitCodeOf(error: unknown): number {
  return error instanceof RelocateError ? exitCodes[error.code] : 1;
}

/** Node's own name for what the system refused (`ENOENT`, `ENOSPC`), where the error has one. */
export function systemCodeOf(error: unknown): string | undefined {
  // Not `instanceof Error`: an error made in another realm, as tests have them, is one as well.
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
