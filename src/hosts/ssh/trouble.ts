import { RelocateError, systemCodeOf } from '../../errors.ts';
import { isPassing } from '../../storage/storage-errors.ts';

/** Of a host, where storages have `storage-failed`. */
export const hostFailures = { hostKey: 'host-key-differs', connection: 'host-failed' } as const;

/** Whether the next attempt to connect may go better: a machine that still starts refuses, or says nothing. */
export function mayPass(error: unknown): boolean {
  if (error instanceof RelocateError) return error.retryable;
  return isPassing(systemCodeOf(error)) || ['client-timeout', 'client-socket'].includes(levelOf(error));
}

/** In the words of this program; its own errors, and aborts, stay as they are. */
export function hostError(name: string, cause: unknown): unknown {
  if (cause instanceof RelocateError || (cause instanceof Error && cause.name === 'AbortError')) return cause;
  const reason =
    systemCodeOf(cause) ??
    (levelOf(cause) === 'client-timeout' ? 'no answer' : cause instanceof Error ? cause.message : 'unknown');
  return new RelocateError('host-failed', `The host ${name} cannot be reached by SSH (${reason}).`, {
    facts: { host: name, reason },
    hint: 'Check its address, its network and its SSH server; nothing was lost, the same command goes on.',
    retryable: mayPass(cause),
    cause,
  });
}

export function connectionLost(name: string): RelocateError {
  return new RelocateError('host-failed', `The connection to the host ${name} was lost.`, {
    facts: { host: name, lost: true },
    hint: 'Nothing was lost: the same command goes on.',
    retryable: true,
  });
}

/** ssh2's word for the part that failed. */
function levelOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('level' in error)) return '';
  return typeof error.level === 'string' ? error.level : '';
}
