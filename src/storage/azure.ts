import { hash } from 'node:crypto';
import type { ContainerClient } from '@azure/storage-blob';
import { openContainer } from './azure-client.ts';
import { answerOf, isDenied, isMissing, isMissingContainer, translate } from './azure-errors.ts';
import { below, parseNamedPlace, type NamedPlace } from './storage-place.ts';
import { pacedBody, readExactly } from './storage-traffic.ts';
import {
  describeFile,
  distantSavesAtOnce,
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

/** Opens a place in Azure Blob Storage; credentials come from where restic and Azure’s own tools look. Throws `usage`. */
export async function openAzureStorage(address: string, traffic?: Traffic): Promise<Storage> {
  const place = parseNamedPlace('azure', address);
  return new AzureStorage(place, await openContainer(place), traffic);
}

class AzureStorage implements Storage {
  readonly url: string;
  readonly savesAtOnce = distantSavesAtOnce;
  readonly #place: NamedPlace;
  readonly #container: ContainerClient;
  readonly #traffic: Traffic | undefined;

  constructor(place: NamedPlace, container: ContainerClient, traffic: Traffic | undefined) {
    this.url = place.url;
    this.#place = place;
    this.#container = container;
    this.#traffic = traffic;
  }

  async initialise(): Promise<void> {
    try {
      await this.#container.getProperties();
    } catch (cause) {
      // Who may not look at the container may still be allowed to store: the next call tells.
      if (isDenied(cause)) return;
      if (answerOf(cause).status !== 404) throw this.#failed('The container could not be looked at', cause);
      await this.#createContainer();
    }
  }

  async save(file: StorageFile, content: readonly Uint8Array[]): Promise<void> {
    const name = this.#name(file);
    try {
      const whole = content.length === 1 && content[0] !== undefined ? content[0] : Buffer.concat(content);
      try {
        await this.#put(name, whole);
      } catch (cause) {
        // Who may only create may not replace; what is there by that name is the same, unless it is the config.
        if (!isDenied(cause) || file.type === 'config' || (await this.size(file)) !== whole.length)
          throw cause;
      }
    } catch (cause) {
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be written`, cause);
    }
  }

  async load(file: StorageFile, range?: FileRange): Promise<Buffer> {
    const name = this.#name(file);
    try {
      if (range?.length === 0) {
        await this.#container.getBlobClient(name).getProperties();
        return Buffer.alloc(0);
      }
      const { readableStreamBody: body, contentLength = 0 } = await this.#container
        .getBlobClient(name)
        .download(range?.offset ?? 0, range?.length, { maxRetryRequests: 0 });
      if (body === undefined) throw new Error('The server’s answer has no body.');
      const wantedBytes = range?.length ?? contentLength;
      if (contentLength === wantedBytes)
        return await readExactly(body, wantedBytes, { into: range?.into, traffic: this.#traffic });
      if ('destroy' in body && typeof body.destroy === 'function') body.destroy();
      throw shorterThanAsked(this.url, file, wantedBytes, contentLength);
    } catch (cause) {
      if (answerOf(cause).status === 416) throw shorterThanAsked(this.url, file, range?.length ?? 0, 0);
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be read`, cause);
    }
  }

  async size(file: StorageFile): Promise<number | undefined> {
    const name = this.#name(file);
    try {
      return (await this.#container.getBlobClient(name).getProperties()).contentLength;
    } catch (cause) {
      if (answerOf(cause).status === 404) return undefined;
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be looked at`, cause);
    }
  }

  async list(type: FileType): Promise<{ name: string; sizeBytes: number }[]> {
    if (type === 'config') {
      const sizeBytes = await this.size({ type, name: '' });
      return sizeBytes === undefined ? [] : [{ name: '', sizeBytes }];
    }
    const found: { name: string; sizeBytes: number }[] = [];
    const prefix = `${below(this.#place, folders[type])}/`;
    try {
      for await (const blob of this.#container.listBlobsFlat({ prefix })) {
        const name = blob.name.slice(blob.name.lastIndexOf('/') + 1);
        if (isFileName(name) && blob.name === this.#name({ type, name }))
          found.push({ name, sizeBytes: blob.properties.contentLength ?? 0 });
      }
      return found;
    } catch (cause) {
      // A container that is not there holds nothing: whether that is an error is for the repository to say.
      if (isMissingContainer(cause)) return [];
      throw this.#failed(`The files in ${this.url} could not be listed`, cause);
    }
  }

  async remove(file: StorageFile): Promise<void> {
    const name = this.#name(file);
    try {
      await this.#container.getBlobClient(name).delete();
    } catch (cause) {
      if (isMissing(cause)) return;
      throw this.#failed(`The file ${describeFile(file)} in ${this.url} could not be removed`, cause);
    }
  }

  async close(): Promise<void> {}

  #name(file: StorageFile): string {
    return below(this.#place, pathOf(file));
  }

  async #put(name: string, whole: Uint8Array): Promise<void> {
    const traffic = this.#traffic;
    const body =
      traffic?.upload === undefined || whole.length === 0 ? whole : () => pacedBody([whole], traffic);
    await this.#container.getBlockBlobClient(name).upload(body, whole.length, {
      blobHTTPHeaders: {
        blobContentType: 'application/octet-stream',
        // Kept with the blob, and checked when it arrives.
        blobContentMD5: hash('md5', whole, 'buffer'),
      },
    });
  }

  async #createContainer(): Promise<void> {
    try {
      await this.#container.create();
    } catch (cause) {
      if (answerOf(cause).name === 'ContainerAlreadyExists') return;
      throw this.#failed(`The container “${this.#place.name}” could not be made`, cause);
    }
  }

  #failed(what: string, cause: unknown): Error {
    return translate(this.#place, what, cause);
  }
}
