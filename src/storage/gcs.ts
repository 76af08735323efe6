import { hash } from 'node:crypto';
import { GcsClient, type GcsPage } from './gcs-client.ts';
import { GcsRefused, isMissing, translate } from './gcs-errors.ts';
import { below, parseNamedPlace, type NamedPlace } from './storage-place.ts';
import { readExactly } from './storage-traffic.ts';
import {
  describeFile,
  folders,
  isFileName,
  pathOf,
  shorterThanAsked,
  type FileRange,
  type FileType,
  type Storage,
  type StorageFile,
  type Traffic,
} from './storage.ts';

/** Opens a place on Google Cloud Storage; credentials come from where restic and Google’s own tools look. Throws `usage`. */
export async function openGcsStorage(address: string, traffic?: Traffic): Promise<Storage> {
  const place = parseNamedPlace('gs', address);
  return new GcsStorage(place, await GcsClient.open(place.name, traffic), traffic);
}

class GcsStorage implements Storage {
  // One file at a time: several uploads on the one HTTP/2 connection that `fetch` keeps were seen to break each other off.
  readonly url: string;
  readonly #place: NamedPlace;
  readonly #client: GcsClient;
  readonly #traffic: Traffic | undefined;

  constructor(place: NamedPlace, client: GcsClient, traffic: Traffic | undefined) {
    this.url = place.url;
    this.#place = place;
    this.#client = client;
    this.#traffic = traffic;
  }

  async initialise(): Promise<void> {
    try {
      await this.#client.list('', undefined, 1);
    } catch (cause) {
      // Who may not list may still be allowed to store: the next call tells.
      if (cause instanceof GcsRefused && cause.status === 403) return;
      if (!isMissing(cause)) throw this.#failed('The bucket could not be looked at', cause);
      await this.#createBucket();
    }
  }

  async save(file: StorageFile, content: readonly Uint8Array[]): Promise<void> {
    const name = this.#name(file);
    try {
      const whole = content.length === 1 && content[0] !== undefined ? content[0] : Buffer.concat(content);
      try {
        await this.#client.put(name, [whole], hash('md5', whole, 'base64'));
      } catch (cause) {
        // Who may not delete may not replace either; what is there by that name is the same, unless it is the config.
        if (!(cause instanceof GcsRefused) || cause.status !== 403 || file.type === 'config') throw cause;
        if ((await this.size(file)) !== whole.length) throw cause;
      }
    } catch (cause) {
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be written`, cause);
    }
  }

  async load(file: StorageFile, range?: FileRange): Promise<Buffer> {
    const name = this.#name(file);
    const what = `The file ${describeFile(file)} in ${this.url} could not be read`;
    try {
      if (range?.length === 0) {
        if ((await this.size(file)) === undefined) throw new GcsRefused(404, '');
        return Buffer.alloc(0);
      }
      const answer = await this.#client.get(name, range);
      const announced = Number(answer.headers.get('content-length') ?? range?.length ?? Number.NaN);
      const wantedBytes = range?.length ?? announced;
      if (answer.body !== null && announced === wantedBytes)
        return await readExactly(answer.body, wantedBytes, { into: range?.into, traffic: this.#traffic });
      await answer.body?.cancel();
      if (wantedBytes === 0) return Buffer.alloc(0);
      throw shorterThanAsked(this.url, file, wantedBytes, announced);
    } catch (cause) {
      if (cause instanceof GcsRefused && cause.status === 416)
        throw shorterThanAsked(this.url, file, range?.length ?? 0, 0);
      throw this.#failed(what, cause);
    }
  }

  /** Asked by a listing: its answer tells a missing object from a missing bucket. */
  async size(file: StorageFile): Promise<number | undefined> {
    const name = this.#name(file);
    const { objects } = await this.#page(name, undefined, 1);
    return objects.find((one) => one.name === name)?.sizeBytes;
  }

  async list(type: FileType): Promise<{ name: string; sizeBytes: number }[]> {
    if (type === 'config') {
      const sizeBytes = await this.size({ type, name: '' });
      return sizeBytes === undefined ? [] : [{ name: '', sizeBytes }];
    }
    const found: { name: string; sizeBytes: number }[] = [];
    const prefix = `${below(this.#place, folders[type])}/`;
    let next: string | undefined;
    do {
      const page = await this.#page(prefix, next);
      for (const object of page.objects) {
        const name = object.name.slice(object.name.lastIndexOf('/') + 1);
        if (isFileName(name) && object.name === this.#name({ type, name }))
          found.push({ name, sizeBytes: object.sizeBytes });
      }
      next = page.next;
    } while (next !== undefined);
    return found;
  }

  async remove(file: StorageFile): Promise<void> {
    const name = this.#name(file);
    try {
      await this.#client.delete(name);
    } catch (cause) {
      if (isMissing(cause)) return;
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be removed`, cause);
    }
  }

  async close(): Promise<void> {}

  #name(file: StorageFile): string {
    return below(this.#place, pathOf(file));
  }

  /** A bucket that is not there holds nothing: whether that is an error is for the repository to say. */
  async #page(prefix: string, next: string | undefined, maxResults?: number): Promise<GcsPage> {
    try {
      return await this.#client.list(prefix, next, maxResults);
    } catch (cause) {
      if (isMissing(cause)) return { objects: [], next: undefined };
      throw this.#failed(`The files in ${this.url} could not be listed`, cause);
    }
  }

  async #createBucket(): Promise<void> {
    try {
      await this.#client.createBucket();
    } catch (cause) {
      if (cause instanceof GcsRefused && cause.status === 409) return;
      throw this.#failed(`The bucket “${this.#place.name}” could not be made`, cause);
    }
  }

  #failed(what: string, cause: unknown): Error {
    return translate(this.#place, what, cause);
  }
}
