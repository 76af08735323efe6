import type * as Sdk from '@aws-sdk/client-ec2';
import { z } from 'zod';
import { RelocateError } from '../../src/errors.ts';

export const provider = 'AWS';

const credentialsHint =
  'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE, or log in as AWS’s own tools want it), with rights to EC2.';

/** Credentials and endpoint as AWS's own tools find them: AWS_PROFILE, AWS_ENDPOINT_URL and the like. */
export async function awsClient(region: string): Promise<{ ec2: Sdk.EC2Client; sdk: typeof Sdk }> {
  const sdk = await import('@aws-sdk/client-ec2');
  return { ec2: new sdk.EC2Client({ region, maxAttempts: 4 }), sdk };
}

const sdkError = z.looseObject({
  name: z.string(),
  message: z.string(),
  $metadata: z.object({ httpStatusCode: z.number().optional() }).optional(),
});

/** Of every call: a refusal of AWS becomes an error of ours, with the facts `status` and `reason`. */
export async function asked<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    throw refusalOf(error);
  }
}

function refusalOf(error: unknown): unknown {
  const parsed = sdkError.safeParse(error);
  if (!parsed.success || error instanceof RelocateError) return error;
  const { name: reason, message, $metadata } = parsed.data;
  const status = $metadata?.httpStatusCode;
  if (reason === 'AbortError') return error;
  if (reason === 'CredentialsProviderError' || reason === 'AuthFailure') {
    return new RelocateError(
      'provision-failed',
      `${provider} knows no credentials: neither AWS_ACCESS_KEY_ID nor another way in (${message})`,
      {
        facts: { provider, status: 401, reason },
        hint: credentialsHint,
        cause: error,
      },
    );
  }
  if (status === undefined) {
    return new RelocateError('provision-failed', `${provider} cannot be reached: ${message}`, {
      facts: { provider },
      hint: 'Look at the network of this machine, or choose another target.',
      retryable: true,
      cause: error,
    });
  }
  const isForbidden = reason === 'UnauthorizedOperation' || status === 403;
  return new RelocateError('provision-failed', `${provider} refused (${status}): ${message}, ${reason}`, {
    facts: { provider, status: notFound.test(reason) ? 404 : isForbidden ? 403 : status, reason },
    hint: isForbidden ? credentialsHint : undefined,
    retryable: status === 429 || status >= 500,
    cause: error,
  });
}

/** `InvalidVolume.NotFound`, `InvalidAllocationID.NotFound`, … come with status 400. */
const notFound = /NotFound|\.Malformed$/;

/** AWS says so of a call with DryRun that would have been carried out. */
export const isDryRunAllowed = (error: unknown): boolean =>
  sdkError.safeParse(error).data?.name === 'DryRunOperation';
