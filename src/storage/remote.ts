import { z } from 'zod';
import { RelocateError } from '../errors.ts';
import { silent, type Emit } from '../events.ts';
import { RemoteLinks } from './remote-links.ts';
import {
  shorterThanAsked,
  type FileRange,
  type FileType,
  type Storage,
  type StorageFile,
} from './storage.ts';

/** What is asked of whoever has the storage. `body` are a file's bytes. */
export type AskStorage = (
  method: 'load' | 'size' | 'list' | 'link',
  params: { file?: StorageFile; range?: { offset: number; length: number }; type?: FileType },
) => Promise<{ result: unknown; body: Buffer }>;

const listSchema = z.array(z.object({ name: z.string(), sizeBytes: z.number() }));

/** So that large files neither fill memory twice nor stand in the way of small ones. */
const pieceBytes = 4 * 1024 * 1024;

/**
 * A storage that somebody else has at hand, to be read: an agent on a host asks the operator for the repository's files,
 * and fetches them itself where the operator can give it a link and the host reaches the place.
 */
export class RemoteStorage implements Storage {
  readonly url: string;
  readonly #ask: AskStorage;
  readonly #links: RemoteLinks;

  constructor(url: string, ask: AskStorage, emit: Emit = silent) {
    this.url = url;
    this.#ask = ask;
    this.#links = new RemoteLinks(url, ask, emit);
  }

  async initialise(): Promise<void> {
    throw onlyRead(this.url);
  }

  async save(): Promise<void> {
    throw onlyRead(this.url);
  }

  async load(file: StorageFile, range?: FileRange): Promise<Buffer> {
    if (range === undefined) {
      const sizeBytes = await this.size(file);
      // Without a size there is no file, and the one who has the storage says so in its words.
      return this.#loadRange(file, sizeBytes === undefined ? undefined : { offset: 0, length: sizeBytes });
    }
    return this.#loadRange(file, range);
  }

  async #loadRange(file: StorageFile, range: FileRange | undefined): Promise<Buffer> {
    if (range === undefined) return (await this.#ask('load', { file })).body;
    const { offset, length, into } = range;
    const whole = into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
    if (await this.#links.read(file, offset, whole)) return whole;
    const starts = Array.from({ length: Math.ceil(length / pieceBytes) }, (_, at) => at * pieceBytes);
    await Promise.all(
      starts.map(async (start) => {
        const wanted = { offset: offset + start, length: Math.min(pieceBytes, length - start) };
        const { body } = await this.#ask('load', { file, range: wanted });
        if (body.length !== wanted.length) throw shorterThanAsked(this.url, file, wanted.length, body.length);
        body.copy(whole, start);
      }),
    );
    return whole;
  }

  async size(file: StorageFile): Promise<number | undefined> {
    const { result } = await this.#ask('size', { file });
    return typeof result === 'number' ? result : undefined;
  }

  async list(type: FileType): Promise<{ name: string; sizeBytes: number }[]> {
    const { result } = await this.#ask('list', { type });
    return listSchema.parse(result);
  }

  async remove(): Promise<void> {
    throw onlyRead(this.url);
  }

  async close(): Promise<void> {}
}

function onlyRead(url: string): RelocateError {
  return new RelocateError('storage-failed', `A host only reads what lies in ${url}.`, {
    facts: { denied: true },
  });
}
