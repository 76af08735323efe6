import * as z from 'zod';
import { RelocateError, systemCodeOf } from '../errors.ts';
import {
  badCredentials,
  clockSkewed,
  denied,
  failed,
  isPassing,
  isPassingStatus,
  isUnreachable,
  missingFile,
  missingPlace,
  noCredentials,
  storageFull,
  unreachable,
  type Refusal,
} from './storage-errors.ts';

/** An answer that says no. */
export class GcsRefused extends Error {
  readonly status: number;
  /** Google’s own word, such as `forbidden`. */
  readonly reason: string;

  constructor(status: number, body: string) {
    const { reason, message } = saidIn(body);
    super(message ?? `status ${status}`);
    this.name = 'GcsRefused';
    this.status = status;
    this.reason = reason ?? `status-${status}`;
  }
}

const said = z.object({
  error: z.object({
    message: z.string().optional(),
    errors: z.array(z.object({ reason: z.string().optional() })).optional(),
  }),
});

function saidIn(body: string): { reason?: string | undefined; message?: string | undefined } {
  try {
    const { error } = said.parse(JSON.parse(body));
    return { reason: error.errors?.[0]?.reason, message: error.message?.slice(0, 500) };
  } catch {
    return body === '' ? {} : { message: body.slice(0, 200) };
  }
}

const fullReasons = new Set(['quotaExceeded', 'storageQuotaExceeded']);

/** Whether the bucket itself is not there: said of it as of an object, by the same status. */
function isMissingBucket(error: unknown): boolean {
  return error instanceof GcsRefused && error.status === 404 && /bucket/i.test(error.message);
}

export function isMissing(error: unknown): boolean {
  return error instanceof GcsRefused && error.status === 404;
}

export function translate(place: { url: string; name: string }, what: string, cause: unknown): RelocateError {
  if (cause instanceof RelocateError) return cause;
  const code = networkCodeOf(cause);
  if (!(cause instanceof GcsRefused))
    return withoutAnswer({ url: place.url, what, facts: { reason: code }, cause }, code);
  const { status, reason } = cause;
  const refusal: Refusal = { url: place.url, what, facts: { reason, status }, cause };
  if (isMissingBucket(cause)) return missingPlace(refusal, 'bucket', place.name);
  if (status === 404) return missingFile(refusal);
  if (status === 401) return badCredentials(refusal, reason, whereCredentials);
  if (status === 507 || fullReasons.has(reason)) return storageFull(refusal, reason);
  if (reason === 'rateLimitExceeded' || reason === 'userRateLimitExceeded')
    return failed(refusal, reason, true, status);
  if (status === 403 || status === 405)
    return denied(
      refusal,
      reason,
      'These credentials need storage.objects.list, .get and .create on the bucket; to remove anything, storage.objects.delete (the role Storage Object Admin has them all).',
    );
  return failed(refusal, reason, isPassingStatus(status), status);
}

const whereCredentials =
  'Set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account’s key, or log in with: gcloud auth application-default login';

/** Nobody answered, or Google’s own libraries could get no token. */
function withoutAnswer(refusal: Refusal, code: string | undefined): RelocateError {
  const message = refusal.cause instanceof Error ? refusal.cause.message : '';
  if (/could not load the default credentials|unable to detect a project/i.test(message))
    return noCredentials(refusal, whereCredentials);
  if (/invalid_grant.*(iat|exp|timeframe)|token must be a short-lived/i.test(message))
    return clockSkewed(refusal);
  if (
    /invalid_grant|invalid_client|unauthorized_client|account not found|DECODER|ENOENT.*json|JSON/i.test(
      message,
    )
  )
    return badCredentials(refusal, message.slice(0, 120), whereCredentials);
  if (isUnreachable(code)) return unreachable(refusal, code);
  const mayPass =
    isPassing(code) || code?.startsWith('UND_ERR_') === true || code === 'ERR_HTTP2_STREAM_ERROR';
  return failed(refusal, code ?? message.slice(0, 200), mayPass);
}

/** Node’s `fetch` wraps what happened, sometimes twice. */
function networkCodeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at !== undefined && at !== null && depth < 4; depth += 1) {
    const code = systemCodeOf(at);
    if (code !== undefined) return code;
    at = typeof at === 'object' && 'cause' in at ? at.cause : undefined;
  }
  return undefined;
}
