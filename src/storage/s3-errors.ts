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

/** What of an error of the AWS SDK is used: the server's own code, its status, and the region it names. */
export interface S3Answer {
  name: string;
  status: number | undefined;
  region: string | undefined;
}

interface SdkError {
  name?: unknown;
  Region?: unknown;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

export function answerOf(error: unknown): S3Answer {
  const { name, Region, $metadata, $response } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as SdkError;
  const named = typeof Region === 'string' ? Region : $response?.headers?.['x-amz-bucket-region'];
  return {
    name: typeof name === 'string' ? name : 'unknown',
    status: $metadata?.httpStatusCode,
    region: named === undefined || named === '' ? undefined : named,
  };
}

const missingNames = new Set(['NoSuchKey', 'NotFound']);
const deniedNames = new Set(['AccessDenied', 'AllAccessDisabled', 'AccountProblem', 'MethodNotAllowed']);
const credentialNames = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
]);
/** Other errors name a region as well, and mean nothing by it. */
const elsewhereNames = new Set([
  'AuthorizationHeaderMalformed',
  'PermanentRedirect',
  'TemporaryRedirect',
  'IllegalLocationConstraintException',
  'InvalidRegion',
]);
const fullNames = new Set(['XMinioStorageFull', 'QuotaExceeded', 'EntityTooLarge']);
/** Changed on its way, or given up by the server: the next attempt may go well. */
const passingNames = new Set([
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
  'RequestTimeout',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TimeoutError',
  'OperationAborted',
]);
export function isMissing(error: unknown): boolean {
  return missingNames.has(answerOf(error).name);
}

export function isMissingBucket(error: unknown): boolean {
  return answerOf(error).name === 'NoSuchBucket';
}

/** Buckets with object lock take nothing whose digest is not also said in one of the older ways. */
export function wantsMd5(error: unknown): boolean {
  const { name, status } = answerOf(error);
  return (
    status === 400 &&
    name === 'InvalidRequest' &&
    error instanceof Error &&
    /content-md5/i.test(error.message)
  );
}

/** The error that says what the server refused and what to do about it. `what` reads as “could not be read”. */
export function translate(
  place: { url: string; bucket: string },
  what: string,
  cause: unknown,
): RelocateError {
  const { name, status, region } = answerOf(cause);
  const code = systemCodeOf(cause);
  const refusal: Refusal = {
    url: place.url,
    what,
    facts: { reason: code ?? name, status, region },
    cause,
  };
  if (isMissing(cause)) return missingFile(refusal);
  if (name === 'NoSuchBucket') return missingPlace(refusal, 'bucket', place.bucket);
  if (name === 'CredentialsProviderError')
    return noCredentials(refusal, 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.');
  if (credentialNames.has(name))
    return badCredentials(
      refusal,
      name,
      'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; nothing was changed.',
    );
  if (name === 'RequestTimeTooSkewed') return clockSkewed(refusal);
  if (fullNames.has(name) || status === 507) return storageFull(refusal, name);
  if (region !== undefined && (elsewhereNames.has(name) || status === 301))
    return new RelocateError(
      'storage-failed',
      `The bucket “${place.bucket}” lies in the region ${region}, and requests for another are refused.`,
      {
        facts: refusal.facts,
        hint: `Set AWS_REGION=${region}, or name that region’s address in the URL.`,
        cause,
      },
    );
  if (deniedNames.has(name) || status === 403 || status === 401)
    return denied(
      refusal,
      name,
      'These credentials need s3:ListBucket on the bucket, and s3:GetObject and s3:PutObject below it; to remove anything, s3:DeleteObject.',
    );
  if (isUnreachable(code)) return unreachable(refusal, code);
  const retryable = passingNames.has(name) || isPassing(code) || isPassingStatus(status);
  return failed(refusal, code ?? name, retryable, status);
}
