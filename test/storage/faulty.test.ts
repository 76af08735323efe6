import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { LocalStorage } from '../../src/storage/local.ts';
import { codeOf, named, storageContract } from '../contract/storage.ts';
import { faultyStorage, type FaultyStorage } from '../support/faulty-storage.ts';

async function inFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-faulty-'));
  return {
    storage: faultyStorage(new LocalStorage(join(folder, 'repository'))),
    again: async () => new LocalStorage(join(folder, 'repository')),
    cleanUp: () => rm(folder, { recursive: true, force: true }),
  };
}

// As long as nothing goes wrong, it is a storage like any other.
storageContract('a storage with no faults yet', inFolder);

let storage: FaultyStorage;
let cleanUp: () => Promise<void>;
const content = Buffer.from('sixteen bytes!!!');
const file = named('pack', content);
beforeAll(async () => {
  ({ storage, cleanUp } = await inFolder());
  await storage.initialise();
});
afterAll(() => cleanUp());

test('a fault comes with the call it was set for, as often as it was set for', async () => {
  storage.setFaults([{ call: 'save', type: 'pack', nth: 2, times: 1, how: 'disk-full' }]);
  await storage.save(named('index', content), [content]);
  await storage.save(file, [content]);
  expect(await codeOf(storage.save(file, [content]))).toBe('disk-full');
  await storage.save(file, [content]);
  expect(storage.calls.slice(-4)).toEqual(['save index', 'save pack', 'save pack', 'save pack']);
});

test.each([
  ['truncate', 'sixteen '],
  ['flip', 'sixteen rytes!!!'],
] as const)('a storage that lies (%s) keeps other bytes and says nothing', async (how, kept) => {
  storage.setFaults([{ call: 'save', how, times: 1 }]);
  await storage.save(file, [content]);
  expect((await storage.load(file)).toString()).toBe(kept);
  storage.setFaults([]);
  await storage.save(file, [content]);
  storage.setFaults([{ call: 'load', how }]);
  expect((await storage.load(file)).toString()).toBe(kept);
});

test('a save that is forgotten, and one that is kept though it seemed to fail', async () => {
  storage.setFaults([
    { call: 'save', how: 'forget', times: 1 },
    { call: 'save', how: 'fail-after', nth: 2 },
  ]);
  await storage.remove(file);
  await storage.save(file, [content]);
  expect(await storage.size(file)).toBeUndefined();
  expect(await codeOf(storage.save(file, [content]))).toBe('storage-failed');
  expect(await storage.size(file)).toBe(content.length);
});
