import { randomBytes } from 'node:crypto';
import type { GoogleAuth } from 'google-auth-library';
import * as z from 'zod';
import { GcsRefused } from './gcs-errors.ts';
import { pacedBody } from './storage-traffic.ts';
import type { Traffic } from './storage.ts';

/** Google’s JSON API, as much of it as a repository needs: five requests. */

const scopes = ['https://www.googleapis.com/auth/devstorage.read_write'];
const publicServer = 'https://storage.googleapis.com';

const listing = z.object({
  items: z.array(z.object({ name: z.string(), size: z.string().default('0') })).default([]),
  nextPageToken: z.string().optional(),
});

export interface GcsPage {
  objects: { name: string; sizeBytes: number }[];
  next: string | undefined;
}

export class GcsClient {
  readonly #bucket: string;
  readonly #server: string;
  readonly #auth: GoogleAuth | undefined;
  readonly #token: string | undefined;
  readonly #traffic: Traffic | undefined;

  private constructor(bucket: string, auth: GoogleAuth | undefined, traffic: Traffic | undefined) {
    this.#bucket = bucket;
    this.#server = emulator() ?? publicServer;
    this.#auth = auth;
    this.#token = process.env['GOOGLE_ACCESS_TOKEN'] || undefined;
    this.#traffic = traffic;
  }

  /** Credentials are looked for with the first request. */
  static async open(bucket: string, traffic: Traffic | undefined): Promise<GcsClient> {
    const needsAuth = emulator() === undefined && !process.env['GOOGLE_ACCESS_TOKEN'];
    if (!needsAuth) return new GcsClient(bucket, undefined, traffic);
    const { GoogleAuth } = await import('google-auth-library');
    return new GcsClient(bucket, new GoogleAuth({ scopes }), traffic);
  }

  async get(name: string, range?: { offset: number; length: number }): Promise<Response> {
    const last = range && range.offset + range.length - 1;
    return this.#send(`${this.#object(name)}?alt=media`, {
      headers: {
        // Else it may be packed anew on its way, and its length is another.
        'accept-encoding': 'gzip',
        ...(range === undefined ? {} : { range: `bytes=${range.offset}-${last}` }),
      },
    });
  }

  /** One request with the name, the MD5 that the server is to check, and the content. */
  async put(name: string, content: readonly Uint8Array[], md5: string): Promise<void> {
    const boundary = `relocate-${randomBytes(12).toString('hex')}`;
    const about = JSON.stringify({ name, md5Hash: md5, contentType: 'application/octet-stream' });
    const head = `--${boundary}\r\ncontent-type: application/json\r\n\r\n${about}\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`;
    const parts = [Buffer.from(head), ...content, Buffer.from(`\r\n--${boundary}--`)];
    const body = this.#traffic?.upload === undefined ? Buffer.concat(parts) : pacedBody(parts, this.#traffic);
    const answer = await this.#send(
      `${this.#server}/upload/storage/v1/b/${this.#bucket}/o?uploadType=multipart`,
      {
        method: 'POST',
        headers: { 'content-type': `multipart/related; boundary=${boundary}` },
        body,
        duplex: 'half',
      },
    );
    await answer.arrayBuffer();
  }

  async delete(name: string): Promise<void> {
    const answer = await this.#send(this.#object(name), { method: 'DELETE' });
    await answer.arrayBuffer();
  }

  async list(prefix: string, next?: string, maxResults?: number): Promise<GcsPage> {
    const query = new URLSearchParams({
      prefix,
      ...(maxResults === undefined ? {} : { maxResults: String(maxResults) }),
      fields: 'items(name,size),nextPageToken',
      ...(next === undefined ? {} : { pageToken: next }),
    });
    const answer = await this.#send(`${this.#server}/storage/v1/b/${this.#bucket}/o?${query.toString()}`, {});
    const { items, nextPageToken } = listing.parse(await answer.json());
    const objects = items.map(({ name, size }) => ({ name, sizeBytes: Number(size) }));
    return { objects, next: nextPageToken || undefined };
  }

  async createBucket(): Promise<void> {
    const { GOOGLE_PROJECT_ID, GOOGLE_CLOUD_PROJECT } = process.env;
    const project = GOOGLE_PROJECT_ID || GOOGLE_CLOUD_PROJECT || (await this.#auth?.getProjectId()) || 'none';
    const query = new URLSearchParams({ project });
    const answer = await this.#send(`${this.#server}/storage/v1/b?${query.toString()}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: this.#bucket }),
    });
    await answer.arrayBuffer();
  }

  #object(name: string): string {
    return `${this.#server}/storage/v1/b/${this.#bucket}/o/${encodeURIComponent(name)}`;
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`);
    const granted = await this.#auth?.getRequestHeaders(url);
    granted?.forEach((value, name) => headers.set(name, value));
    const answer = await fetch(url, { ...init, headers });
    if (answer.ok) return answer;
    throw new GcsRefused(answer.status, await answer.text().catch(() => ''));
  }
}

/** As Google’s own libraries read it: with or without a scheme, which is then http. */
function emulator(): string | undefined {
  const host = process.env['STORAGE_EMULATOR_HOST'];
  if (host === undefined || host === '') return undefined;
  return (/^https?:\/\//.test(host) ? host : `http://${host}`).replace(/\/+$/, '');
}
