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

/** What of an error of the Azure SDK is used: the server's own code and its status. */
export interface AzureAnswer {
  name: string;
  status: number | undefined;
}

interface SdkError {
  name?: unknown;
  code?: unknown;
  statusCode?: unknown;
  details?: { errorCode?: unknown };
}

export function answerOf(error: unknown): AzureAnswer {
  const { name, code, statusCode, details } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as SdkError;
  const said = [details?.errorCode, code, name].find((one) => typeof one === 'string');
  return {
    name: typeof said === 'string' ? said : 'unknown',
    status: typeof statusCode === 'number' ? statusCode : undefined,
  };
}

const missingContainerNames = new Set(['ContainerNotFound', 'ContainerBeingDeleted', 'ContainerDisabled']);
const deniedNames = new Set([
  'AuthorizationFailure',
  'AuthorizationPermissionMismatch',
  'AuthorizationProtocolMismatch',
  'AuthorizationResourceTypeMismatch',
  'AuthorizationServiceMismatch',
  'AuthorizationSourceIPMismatch',
  'InsufficientAccountPermissions',
  'UnauthorizedBlobOverwrite',
  'BlobImmutableDueToPolicy',
  'BlobImmutableDueToLegalHold',
  'AccountIsDisabled',
]);
const passingNames = new Set([
  'REQUEST_SEND_ERROR',
  'Md5Mismatch',
  'OperationTimedOut',
  'ServerBusy',
  'InternalError',
]);

export function isMissingContainer(error: unknown): boolean {
  return missingContainerNames.has(answerOf(error).name);
}

export function isMissing(error: unknown): boolean {
  const { name, status } = answerOf(error);
  return (
    name === 'BlobNotFound' || name === 'ResourceNotFound' || (status === 404 && !isMissingContainer(error))
  );
}

export function isDenied(error: unknown): boolean {
  return deniedNames.has(answerOf(error).name) && !isUnauthenticated(error);
}

/** Some servers have one word for who is not known and for who may not. */
function isUnauthenticated(error: unknown): boolean {
  return error instanceof Error && /failed to authenticate the request/i.test(error.message);
}

export function translate(place: { url: string; name: string }, what: string, cause: unknown): RelocateError {
  if (cause instanceof RelocateError) return cause;
  const { name, status } = answerOf(cause);
  const code = status === undefined ? systemCodeOf(cause) : undefined;
  const message = cause instanceof Error ? cause.message : '';
  const refusal: Refusal = { url: place.url, what, facts: { reason: code ?? name, status }, cause };
  if (isMissingContainer(cause)) return missingPlace(refusal, 'container', place.name);
  if (isMissing(cause)) return missingFile(refusal);
  if (isDenied(cause) || status === 405)
    return denied(
      refusal,
      name,
      'These credentials need to read, list, create and write blobs of the container; to remove anything, to delete (the role Storage Blob Data Contributor has them all).',
    );
  if (status === 403 && /date header|specified time frame|not valid yet/i.test(detailOf(cause, message)))
    return /signature (not valid|fields)/i.test(detailOf(cause, message))
      ? badCredentials(
          refusal,
          'the SAS is not valid now',
          'Make a new SAS, or set this machine’s clock if it is wrong.',
        )
      : clockSkewed(refusal);
  if (status === 401 || status === 403) return badCredentials(refusal, name, whereCredentials);
  if (
    /CredentialUnavailable|AggregateAuthentication|AuthenticationRequired/.test(name) ||
    /credential/i.test(name)
  )
    return noCredentials(refusal, whereCredentials);
  if (status === 507 || name === 'QuotaExceeded') return storageFull(refusal, name);
  if (isUnreachable(code)) return unreachable(refusal, code);
  const retryable = passingNames.has(name) || isPassing(code) || isPassingStatus(status);
  return failed(refusal, code ?? name, retryable, status);
}

const whereCredentials =
  'Set AZURE_ACCOUNT_NAME with AZURE_ACCOUNT_KEY or AZURE_ACCOUNT_SAS, or AZURE_STORAGE_CONNECTION_STRING, or log in with: az login';

/** Why a signature was refused stands apart from the message. */
function detailOf(cause: unknown, message: string): string {
  const details =
    typeof cause === 'object' && cause !== null && 'details' in cause ? cause.details : undefined;
  const detail =
    typeof details === 'object' && details !== null && 'authenticationErrorDetail' in details
      ? details.authenticationErrorDetail
      : undefined;
  return `${message} ${typeof detail === 'string' ? detail : ''}`;
}
