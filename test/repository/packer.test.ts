import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { idOf, randomMasterKey } from '../../src/repository/crypto.ts';
import { Packer } from '../../src/repository/packer.ts';
import type { Storage, StorageFile } from '../../src/storage/storage.ts';

const blobBytes = 1024 * 1024;
/** Some more than a pack’s target each. */
const blobsPerPack = 16;

/** Stores slowly, and counts. */
function slowStorage(savesAtOnce: number | undefined, fails: (count: number) => boolean = () => false) {
  const seen = { now: 0, most: 0, all: 0 };
  const save = async (_file: StorageFile) => {
    seen.all += 1;
    const number = seen.all;
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    await sleep(30);
    seen.now -= 1;
    if (fails(number)) throw new Error('the storage said no');
  };
  return { seen, storage: { url: 'test', savesAtOnce, save } as unknown as Storage };
}

async function fill(storage: Storage, packs: number) {
  const stored: string[] = [];
  const packer = new Packer('data', {
    storage,
    key: randomMasterKey(),
    digest: async (bytes) => idOf(bytes),
    stored: async (pack) => void stored.push(pack),
  });
  const sealed = randomBytes(blobBytes);
  for (let count = 0; count < packs * blobsPerPack; count += 1)
    await packer.add(idOf(Buffer.from(String(count))), sealed, 0);
  await packer.flush();
  return stored;
}

describe('packs are stored', () => {
  test.each([
    ['one at a time on a disk, which gains nothing by more', undefined, 1],
    ['several at a time where the storage is far away', 3, 3],
  ])('%s', async (_, savesAtOnce, most) => {
    const { seen, storage } = slowStorage(savesAtOnce);
    expect(await fill(storage, 8)).toHaveLength(seen.all);
    expect(seen.all).toBeGreaterThanOrEqual(8);
    expect(seen.most).toBe(most);
  });

  test.each([1, 2, 5, 7])(
    'and one that fails, the %ith, is never forgotten by those behind it',
    async (bad) => {
      const { storage } = slowStorage(3, (count) => count === bad);
      await expect(fill(storage, 8)).rejects.toThrow('the storage said no');
    },
  );
});
