import { createHash } from 'node:crypto';
import { RelocateError } from '../../../src/errors.ts';
import type { Repository } from '../../../src/repository/repository.ts';

/** Cuts of a fixed length: the real chunker has tests of its own. At most this, a file is one blob, as in restic. */
export const blobBytes = 512 * 1024;

/** The part of a repository that trees need, in memory. `tree`, `data` are open to be damaged. */
export function memoryRepository() {
  const blobs = { tree: new Map<string, Buffer>(), data: new Map<string, Buffer>() };
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const put = (type: 'tree' | 'data', bytes: Uint8Array): string => {
    const id = digest(bytes);
    blobs[type].set(id, Buffer.from(bytes));
    return id;
  };
  const savedBytes: number[] = [];
  const saveBytes: Repository['saveBytes'] = async (bytes) => {
    savedBytes.push(bytes.length);
    const content: string[] = [];
    for (let at = 0; at < bytes.length; at += blobBytes)
      content.push(put('data', bytes.subarray(at, at + blobBytes)));
    return { content, sizeBytes: bytes.length };
  };
  const loadBlob: Repository['loadBlob'] = async (type, id) => {
    const blob = blobs[type].get(id);
    if (blob === undefined || digest(blob) !== id)
      throw new RelocateError('repository-damaged', `The blob ${id} is damaged.`);
    return blob;
  };
  const part = {
    saveBytes,
    /** As a thread that found every file changed: each is read by the main thread’s way. */
    saveFile: async () => ({ saved: Promise.resolve(undefined) }),
    async saveStream(content) {
      const parts: Uint8Array[] = [];
      for await (const one of content) parts.push(Buffer.from(one));
      return saveBytes(Buffer.concat(parts));
    },
    async saveTree(json) {
      return put('tree', json);
    },
    hasBlob: (type, id) => blobs[type].has(id),
    loadBlob,
    blobSize: (type, id) => blobs[type].get(id)?.length,
    async consumeBlobs(type, orders, { consume }, { done, failed }, signal) {
      for await (const some of orders) {
        for (const { id, work } of some) {
          signal?.throwIfAborted();
          const blob = await loadBlob(type, id).catch((error: unknown) => failed(work, error));
          if (blob) done(work, consume(blob, work));
        }
      }
    },
    async *readContent(content, signal) {
      for (const id of content) {
        signal?.throwIfAborted();
        yield await loadBlob('data', id);
      }
    },
  } satisfies Partial<Repository>;
  return { repository: part as unknown as Repository, blobs, savedBytes };
}
