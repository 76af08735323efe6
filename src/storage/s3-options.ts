import { RelocateError } from '../errors.ts';

/** What of a place on S3 is not where it is but how files are kept there. */
export interface S3Options {
  storageClass?: string;
  region?: string;
  /** Whether the bucket stands in the path of requests or in the name of the host; the server decides where it is left out. */
  bucketLookup?: 'path' | 'dns';
  retention?: S3Retention;
}

/** For how long a file, once stored, can neither be deleted nor replaced. */
export interface S3Retention {
  mode: 'GOVERNANCE' | 'COMPLIANCE';
  days: number;
}

/** From these nothing can be read for hours: a repository there is of no use on the day it is needed. */
const archiveClasses = new Set(['GLACIER', 'DEEP_ARCHIVE']);
const maxRetentionDays = 36_500;

/** Options by the names that restic gives them with `-o s3.NAME`, and `retention`, which it has none for. Throws `usage`. */
export function readS3Options(query: URLSearchParams): S3Options {
  const options: S3Options = {};
  for (const [name, value] of query) {
    const read = readers[name];
    if (read === undefined)
      throw wrong(`The address of the S3 server has an option “${name}”, which is unknown.`);
    Object.assign(options, read(value));
  }
  return options;
}

const readers: Record<string, (value: string) => S3Options> = {
  'storage-class'(value) {
    if (!/^[A-Z][A-Z_]*$/.test(value)) throw wrong(`“${value}” is no storage class.`);
    if (archiveClasses.has(value))
      throw wrong(
        `Files of the storage class ${value} cannot be read for hours, so no repository can work there.`,
        'Take STANDARD_IA or GLACIER_IR, which cost less than STANDARD and answer at once.',
      );
    return { storageClass: value };
  },
  region(value) {
    if (!/^[a-z0-9-]+$/.test(value)) throw wrong(`“${value}” is no region.`);
    return { region: value };
  },
  'bucket-lookup'(value) {
    if (value === 'auto') return {};
    if (value !== 'path' && value !== 'dns') throw wrong('bucket-lookup is path, dns or auto.');
    return { bucketLookup: value };
  },
  retention(value) {
    const [, mode = '', days = ''] = /^(governance|compliance):(\d+)d$/i.exec(value) ?? [];
    const retention = { mode: mode.toUpperCase(), days: Number(days) };
    if (!isRetention(retention) || retention.days < 1 || retention.days > maxRetentionDays)
      throw wrong(`“${value}” is no retention: write it like governance:30d or compliance:30d.`);
    return { retention };
  },
};

function isRetention(one: { mode: string; days: number }): one is S3Retention {
  return one.mode === 'GOVERNANCE' || one.mode === 'COMPLIANCE';
}

function wrong(
  message: string,
  hint = 'Options are storage-class, region, bucket-lookup and retention, as in s3:https://host/bucket/prefix?storage-class=STANDARD_IA&retention=governance:30d',
): RelocateError {
  return new RelocateError('usage', message, { hint });
}
