import { RelocateError, systemCodeOf } from '../errors.ts';

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
const passingCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);
const unreachableCodes = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);

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
  const facts = { reason: code ?? name, status, region };
  const failed = (message: string, hint?: string, retryable = false) =>
    new RelocateError('storage-failed', message, { facts, hint, retryable, cause });

  if (isMissing(cause))
    return new RelocateError('storage-failed', `${what}: it is not there.`, {
      facts: { ...facts, missing: true },
      cause,
    });
  if (name === 'NoSuchBucket')
    return failed(
      `There is no bucket “${place.bucket}” at ${place.url}.`,
      'Check its name; relocate init --repository makes it, with a repository in it.',
    );
  if (name === 'CredentialsProviderError')
    return failed(
      `No credentials were found for ${place.url}.`,
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.',
    );
  if (credentialNames.has(name))
    return failed(
      `The server does not accept the credentials for ${place.url} (${name}).`,
      'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; nothing was changed.',
    );
  if (name === 'RequestTimeTooSkewed')
    return failed(
      `The clock of this machine differs too much from the server’s, so ${place.url} refuses all requests.`,
      'Set the clock (for example with timedatectl set-ntp true), then run the same command again.',
    );
  if (fullNames.has(name) || status === 507)
    return new RelocateError('disk-full', `The storage behind ${place.url} is full (${name}).`, {
      facts,
      hint: 'Everything stored before is sound. Make room and run the same command again; what was stored is used.',
      cause,
    });
  if (region !== undefined && (elsewhereNames.has(name) || status === 301))
    return failed(
      `The bucket “${place.bucket}” lies in the region ${region}, and requests for another are refused.`,
      `Set AWS_REGION=${region}, or name that region’s address in the URL.`,
    );
  if (deniedNames.has(name) || status === 403 || status === 401)
    return failed(
      `${what}: the server denies it (${name}).`,
      'These credentials need s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and, for locks, s3:DeleteObject below it.',
    );
  if (code !== undefined && unreachableCodes.has(code))
    return failed(
      `The server of ${place.url} cannot be reached (${code}).`,
      'Check the address and the network, then run the same command again; what was stored is used.',
      passingCodes.has(code),
    );
  return failed(
    `${what} (${code ?? name}${status === undefined ? '' : `, status ${status}`}).`,
    undefined,
    mayPass(name, status, code),
  );
}

function mayPass(name: string, status: number | undefined, code: string | undefined): boolean {
  if (passingNames.has(name) || (code !== undefined && passingCodes.has(code))) return true;
  return status !== undefined && (status === 408 || status === 429 || (status >= 500 && status !== 501));
}
