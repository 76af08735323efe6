import { RelocateError, systemCodeOf } from '../errors.ts';
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

/** Of ssh2: no answer while the connection was made, or none for minutes. */
function isTimeout(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'level' in cause && cause.level === 'client-timeout';
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.slice(0, 200) : 'unknown';
}
