import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type * as S3Sdk from '@aws-sdk/client-s3';
import { answerOf, isMissing, isMissingBucket, translate, wantsMd5 } from './s3-errors.ts';
import type { S3Retention } from './s3-options.ts';
import { parseS3Place, type S3Place } from './s3-place.ts';
import { pacedBody, readExactly } from './storage-traffic.ts';
import {
  describeFile,
  distantSavesAtOnce,
  folders,
  isLoopback,
  isFileName,
  pathOf,
  shorterThanAsked,
  type FileRange,
  type FileType,
  type Storage,
  type StorageFile,
  type Traffic,
} from './storage.ts';

type Sdk = typeof S3Sdk;

const connectTimeoutMs = 15_000;
/** Of silence on a connection, not of a whole transfer. */
const idleTimeoutMs = 120_000;
const maxConnections = 32;
const defaultRegion = 'us-east-1';

/** Opens a place on an S3 server; credentials come from where AWS's own tools look for them. Throws `usage`. */
export async function openS3Storage(address: string, traffic?: Traffic): Promise<Storage> {
  const place = parseS3Place(address);
  return new S3Storage(place, await import('@aws-sdk/client-s3'), traffic);
}

/** A repository below a prefix of a bucket, on AWS or on any server that speaks its protocol. */
class S3Storage implements Storage {
  readonly url: string;
  readonly savesAtOnce = distantSavesAtOnce;
  readonly #place: S3Place;
  readonly #sdk: Sdk;
  readonly #client: S3Sdk.S3Client;
  readonly #traffic: Traffic | undefined;
  #region: string;
  #sendsMd5: boolean;

  constructor(place: S3Place, sdk: Sdk, traffic: Traffic | undefined) {
    const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
    this.url = place.url;
    this.#place = place;
    this.#traffic = traffic;
    this.#sendsMd5 = place.options.retention !== undefined;
    this.#sdk = sdk;
    this.#region = place.region ?? (AWS_REGION || AWS_DEFAULT_REGION || defaultRegion);
    const agent = { keepAlive: true, maxSockets: maxConnections };
    this.#client = new sdk.S3Client({
      region: async () => this.#region,
      ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint }),
      // Own servers seldom have a name for each bucket, and AWS’s certificates fit no bucket with a dot.
      forcePathStyle:
        place.options.bucketLookup === undefined
          ? place.endpoint !== undefined || place.bucket.includes('.')
          : place.options.bucketLookup === 'path',
      // Retries are the business of one place, which tells the person that they happen.
      maxAttempts: 1,
      // Checksums of AWS’s newer kinds are refused by other servers; content is bound to the signature by its SHA-256.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Asking first whether a body is welcome would cost a round trip for every file.
      expectContinueHeader: false,
      requestHandler: {
        connectionTimeout: connectTimeoutMs,
        socketTimeout: idleTimeoutMs,
        httpAgent: agent,
        httpsAgent: agent,
      },
    });
  }

  async initialise(): Promise<void> {
    const { bucket: Bucket } = this.#place;
    try {
      await this.#inRegion(() =>
        this.#client.send(new this.#sdk.ListObjectsV2Command({ Bucket, MaxKeys: 1 })),
      );
    } catch (cause) {
      // Who may not list may still be allowed to store: the next call tells.
      if (answerOf(cause).name === 'AccessDenied') return;
      if (!isMissingBucket(cause)) throw this.#failed('The bucket could not be looked at', cause);
      await this.#createBucket();
    }
  }

  async save(file: StorageFile, content: readonly Uint8Array[]): Promise<void> {
    const key = this.#key(file);
    try {
      const body = content.length === 1 && content[0] !== undefined ? content[0] : Buffer.concat(content);
      try {
        await this.#put(file, key, body);
      } catch (cause) {
        if (this.#sendsMd5 || !wantsMd5(cause)) throw cause;
        this.#sendsMd5 = true;
        await this.#put(file, key, body);
      }
    } catch (cause) {
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be written`, cause);
    }
  }

  async load(file: StorageFile, range?: FileRange): Promise<Buffer> {
    if (range?.length === 0) return this.#loadNothing(file);
    const last = range && range.offset + range.length - 1;
    const command = new this.#sdk.GetObjectCommand({
      Bucket: this.#place.bucket,
      Key: this.#key(file),
      ...(range === undefined ? {} : { Range: `bytes=${range.offset}-${last}` }),
    });
    try {
      const { Body, ContentLength } = await this.#inRegion(() => this.#client.send(command));
      if (!(Body instanceof Readable)) throw new Error('The server’s answer has no body.');
      const wantedBytes = range?.length ?? ContentLength ?? 0;
      if (ContentLength === wantedBytes)
        return await readExactly(Body, wantedBytes, { into: range?.into, traffic: this.#traffic });
      Body.destroy();
      throw shorterThanAsked(this.url, file, wantedBytes, ContentLength ?? 0);
    } catch (cause) {
      if (answerOf(cause).name === 'InvalidRange')
        throw shorterThanAsked(this.url, file, range?.length ?? 0, 0);
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be read`, cause);
    }
  }

  /** Asked by a listing, not by HEAD: its answers have no body, so a server cannot say there which region is right. */
  async size(file: StorageFile): Promise<number | undefined> {
    const key = this.#key(file);
    const { objects } = await this.#page({ Prefix: key, MaxKeys: 1 });
    return objects.find((one) => one.key === key)?.sizeBytes;
  }

  async list(type: FileType): Promise<{ name: string; sizeBytes: number }[]> {
    if (type === 'config') {
      const sizeBytes = await this.size({ type, name: '' });
      return sizeBytes === undefined ? [] : [{ name: '', sizeBytes }];
    }
    const found: { name: string; sizeBytes: number }[] = [];
    const Prefix = `${this.#below(folders[type])}/`;
    let next: string | undefined;
    do {
      const page = await this.#page({ Prefix, ...(next === undefined ? {} : { ContinuationToken: next }) });
      for (const { key, sizeBytes } of page.objects) {
        const name = key.slice(key.lastIndexOf('/') + 1);
        if (isFileName(name) && key === this.#key({ type, name })) found.push({ name, sizeBytes });
      }
      next = page.next;
    } while (next !== undefined);
    return found;
  }

  async remove(file: StorageFile): Promise<void> {
    const command = new this.#sdk.DeleteObjectCommand({ Bucket: this.#place.bucket, Key: this.#key(file) });
    try {
      await this.#inRegion(() => this.#client.send(command));
    } catch (cause) {
      if (isMissing(cause)) return;
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be removed`, cause);
    }
  }

  async linkTo(file: StorageFile, validMs: number): Promise<string | undefined> {
    if (isLoopback(this.#place.endpoint ?? '') || this.#traffic?.download !== undefined) return undefined;
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    const command = new this.#sdk.GetObjectCommand({ Bucket: this.#place.bucket, Key: this.#key(file) });
    return getSignedUrl(this.#client, command, { expiresIn: Math.ceil(validMs / 1000) });
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #key(file: StorageFile): string {
    return this.#below(pathOf(file));
  }

  #below(path: string): string {
    return this.#place.prefix === '' ? path : `${this.#place.prefix}/${path}`;
  }

  async #put(file: StorageFile, Key: string, content: Uint8Array): Promise<void> {
    const { storageClass, retention } = this.#place.options;
    const { bucket: Bucket } = this.#place;
    const traffic = this.#traffic;
    await this.#inRegion(async () => {
      const command = new this.#sdk.PutObjectCommand({
        Bucket,
        Key,
        // Without a name that says its digest, the content is hashed by the SDK, which needs all of it at once.
        Body:
          traffic?.upload === undefined || file.type === 'config' ? content : pacedBody([content], traffic),
        ContentLength: content.length,
        ContentType: 'application/octet-stream',
        ...(this.#sendsMd5 ? { ContentMD5: createHash('md5').update(content).digest('base64') } : {}),
        ...(isStorageClass(storageClass) ? { StorageClass: storageClass } : {}),
        ...(retention === undefined || file.type === 'lock' ? {} : lockedUntil(retention, Date.now())),
      });
      if (file.type !== 'config') promiseDigest(command, file.name);
      await this.#client.send(command);
    });
  }

  async #loadNothing(file: StorageFile): Promise<Buffer> {
    if ((await this.size(file)) !== undefined) return Buffer.alloc(0);
    const missing = Object.assign(new Error('not listed'), { name: 'NoSuchKey' });
    throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be read`, missing);
  }

  /** A bucket that is not there holds nothing: whether that is an error is for the repository to say. */
  async #page(
    options: Record<string, string | number>,
  ): Promise<{ objects: { key: string; sizeBytes: number }[]; next: string | undefined }> {
    const command = new this.#sdk.ListObjectsV2Command({ Bucket: this.#place.bucket, ...options });
    try {
      const { Contents, NextContinuationToken } = await this.#inRegion(() => this.#client.send(command));
      const objects = (Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: Key, sizeBytes: Size }));
      return { objects, next: NextContinuationToken };
    } catch (cause) {
      if (isMissingBucket(cause)) return { objects: [], next: undefined };
      throw this.#failed(`The files in ${this.url} could not be listed`, cause);
    }
  }

  async #createBucket(): Promise<void> {
    const { CreateBucketCommand, BucketLocationConstraint } = this.#sdk;
    const constraint = Object.values(BucketLocationConstraint).find((one) => one === this.#region);
    const command = new CreateBucketCommand({
      Bucket: this.#place.bucket,
      ...(constraint === undefined ? {} : { CreateBucketConfiguration: { LocationConstraint: constraint } }),
    });
    try {
      await this.#inRegion(() => this.#client.send(command));
    } catch (cause) {
      if (answerOf(cause).name === 'BucketAlreadyOwnedByYou') return;
      throw this.#failed(`The bucket “${this.#place.bucket}” could not be made`, cause);
    }
  }

  /** Servers that want another region say which: from then on it is used. */
  async #inRegion<T>(send: () => Promise<T>): Promise<T> {
    const tried = this.#region;
    try {
      return await send();
    } catch (error) {
      const { region } = answerOf(error);
      if (region === undefined || region === tried) throw error;
      this.#region = region;
      return await send();
    }
  }

  #failed(what: string, cause: unknown): Error {
    return translate(this.#place, what, cause);
  }
}

/** Servers have classes that AWS does not know; which of them one has is its to say. */
function isStorageClass(name: string | undefined): name is S3Sdk.StorageClass {
  return name !== undefined;
}

/** Locks of a repository are left out by the caller: they must go when their holder does. */
function lockedUntil(
  { mode, days }: S3Retention,
  nowMs: number,
): Pick<S3Sdk.PutObjectCommandInput, 'ObjectLockMode' | 'ObjectLockRetainUntilDate'> {
  return { ObjectLockMode: mode, ObjectLockRetainUntilDate: new Date(nowMs + days * 86_400_000) };
}

/** A file’s name is its SHA-256: the server, told so, refuses content that changed on its way, and we need not hash twice. */
function promiseDigest(command: S3Sdk.PutObjectCommand, digest: string): void {
  command.middlewareStack.add(
    (next) => (args) => {
      const { request } = args;
      if (hasHeaders(request)) request.headers['x-amz-content-sha256'] = digest;
      return next(args);
    },
    { step: 'build' },
  );
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request;
}
