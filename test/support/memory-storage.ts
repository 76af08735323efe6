import { RelocateError } from '../../src/errors.ts';
import {
  shorterThanAsked,
  type FileType,
  type Storage,
  type StorageFile,
} from '../../src/storage/storage.ts';

/** A storage in memory, for tests that make thousands of repositories. */
export function memoryStorage(files: ReadonlyMap<string, Buffer> = new Map()): Storage {
  const kept = new Map(files);
  const keyOf = ({ type, name }: StorageFile) => `${type} ${name}`;
  return {
    url: 'memory:',
    initialise: async () => {},
    async save(file, content) {
      kept.set(keyOf(file), Buffer.concat(content));
    },
    async load(file, range) {
      const bytes = kept.get(keyOf(file));
      if (bytes === undefined)
        throw new RelocateError('storage-failed', `There is no ${keyOf(file)}.`, {
          facts: { missing: true },
        });
      const wanted = bytes.subarray(
        range?.offset ?? 0,
        (range?.offset ?? 0) + (range?.length ?? bytes.length),
      );
      if (range && wanted.length < range.length)
        throw shorterThanAsked('memory:', file, range.length, wanted.length);
      return Buffer.from(wanted);
    },
    size: async (file) => kept.get(keyOf(file))?.length,
    async list(type: FileType) {
      const own = [...kept].filter(([key]) => key.startsWith(`${type} `));
      return own.map(([key, bytes]) => ({ name: key.slice(type.length + 1), sizeBytes: bytes.length }));
    },
    async remove(file) {
      kept.delete(keyOf(file));
    },
    close: async () => {},
  };
}
