import { posix } from 'node:path';
import { RelocateError } from '../errors.ts';
import { readS3Options, type S3Options } from './s3-options.ts';

/** Where a repository lies on an S3 server. */
export interface S3Place {
  /** `https://host[:port]`; undefined for AWS itself, whose addresses follow from bucket and region. */
  endpoint: string | undefined;
  /** The region that the address names. */
  region: string | undefined;
  bucket: string;
  /** Without slashes at its ends; empty for a whole bucket. */
  prefix: string;
  options: S3Options;
  /** As it is shown: without anything secret. */
  url: string;
}

/**
 * Reads what stands after `s3:`, as restic takes it: `https://host[:port]/bucket/prefix`, `http://…`, `//host/bucket`,
 * `host/bucket/prefix` (https). Behind a question mark there may be options, which restic passes over where the address
 * begins with a scheme. Throws `usage`.
 */
export function parseS3Place(place: string): S3Place {
  const address = /^https?:\/\//.test(place) ? place : `https://${place.replace(/^\/\//, '')}`;
  const parsed = URL.parse(address);
  if (parsed === null || parsed.hostname === '') throw wrong('That is no address of an S3 server.');
  if (parsed.username !== '' || parsed.password !== '') {
    throw wrong(
      'An address of an S3 server holds no user and no password.',
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead.',
    );
  }
  const [bucket = '', ...rest] = decodePath(parsed.pathname).slice(1).split('/');
  if (bucket === '') throw wrong('The address of the S3 server names no bucket.');
  const prefix = posix.normalize(`/${rest.join('/')}`).replace(/^\/+|\/+$/g, '');
  const options = readS3Options(parsed.searchParams);
  const url = `s3:${parsed.origin}/${bucket}${prefix === '' ? '' : `/${prefix}`}${parsed.search}`;
  const server = serverOf(parsed);
  return { ...server, region: options.region ?? server.region, bucket, prefix, options, url };
}

/** AWS's own servers answer for the buckets of their region alone, so the region decides and not the name given. */
function serverOf({ hostname, origin }: URL): Pick<S3Place, 'endpoint' | 'region'> {
  const aws = /^s3(?:[.-](?:dualstack\.)?([a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?$/.exec(
    hostname,
  );
  return aws === null ? { endpoint: origin, region: undefined } : { endpoint: undefined, region: aws[1] };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw wrong('The path of the S3 address has a “%” that stands for no character.');
  }
}

function wrong(
  message: string,
  hint = 'Write it like s3:https://s3.eu-central-1.amazonaws.com/bucket/prefix or s3:http://127.0.0.1:9000/bucket',
): RelocateError {
  return new RelocateError('usage', message, { hint });
}
