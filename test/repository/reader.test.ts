import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { idOf } from '../../src/repository/crypto.ts';
import { consume, type GiveBack } from '../../src/repository/give-back.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { BlobConsumer } from '../../src/repository/open-pool.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { codeOf } from '../contract/storage.ts';
import { faultyStorage, type FaultyStorage } from '../support/faulty-storage.ts';
import { seeded } from '../support/random.ts';

const giveBack: BlobConsumer<GiveBack, boolean> = {
  module: new URL('../../src/repository/give-back.ts', import.meta.url),
  consume,
};

async function* inParts<T>(values: readonly T[], size: number): AsyncGenerator<T[], void, void> {
  for (let at = 0; at < values.length; at += size) yield values.slice(at, at + size);
}

describe('reading many blobs', () => {
  let folder: string;
  let storage: FaultyStorage;
  let repository: Repository;
  const random = seeded(17);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-reader-'));
    await (await createRepository(new LocalStorage(folder), 'pw')).close();
    storage = faultyStorage(new LocalStorage(folder));
    repository = await openRepository(storage, 'pw');
  });
  afterEach(async () => {
    await repository.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Saved by another process, so that nothing of it is in this one's memory. */
  async function save(blobs: readonly Buffer[]): Promise<string[]> {
    const writer = await openRepository(new LocalStorage(folder), 'pw');
    const ids: string[] = [];
    for (const blob of blobs) ids.push((await writer.saveBytes(blob)).content[0] ?? '');
    await writer.flush();
    await writer.close();
    return ids;
  }

  /** Every blob as it comes back, and what failed. */
  async function read(ids: readonly string[], signal?: AbortSignal) {
    const got: Buffer[] = [];
    const failed: { id: string; error: unknown }[] = [];
    const orders = ids.map((id) => {
      const length = repository.blobSize('data', id) ?? 0;
      const memory = new SharedArrayBuffer(Math.max(1, length));
      return { id, work: { memory, at: 0, length, id } };
    });
    await repository.consumeBlobs(
      'data',
      inParts(orders, 50),
      giveBack,
      {
        done: ({ memory, length }) => got.push(Buffer.from(memory, 0, length)),
        failed: (work, error) => void failed.push({ id: idOf(Buffer.from(work.memory)), error }),
      },
      signal,
    );
    return { got, failed };
  }

  const loadsOfPacks = () => storage.calls.filter((call) => call === 'load pack').length;
  const digests = (blobs: readonly Buffer[]) => blobs.map(idOf).toSorted();

  test('gives every blob as often as it is wanted, and loads each once, with its neighbours', async () => {
    const blobs = Array.from({ length: 400 }, (_, at) => random.bytes((at + 1) * 50));
    const ids = await save(blobs);
    await repository.loadIndex();
    const twice = ids.flatMap((id) => [id, id]);
    const { got, failed } = await read(twice);
    expect(failed).toEqual([]);
    expect(digests(got)).toEqual(digests([...blobs, ...blobs]));
    // Four megabytes lie in one pack.
    expect(loadsOfPacks()).toBeLessThanOrEqual(2);
  });

  test('takes what a storage damages on the way once from there again, and loses nothing of what was with it', async () => {
    const blobs = Array.from({ length: 200 }, () => random.bytes(20_000));
    const ids = await save(blobs);
    await repository.loadIndex();
    for (const how of ['flip', 'truncate'] as const) {
      storage.setFaults([{ call: 'load', type: 'pack', times: 1, how }]);
      const { got, failed } = await read(ids);
      expect(failed).toEqual([]);
      expect(digests(got)).toEqual(digests(blobs));
    }
  });

  test('takes the other place where one is damaged, and names those of which none is whole', async () => {
    const blobs = Array.from({ length: 100 }, () => random.bytes(20_000));
    const [first, second] = [await openRepository(new LocalStorage(folder), 'pw'), repository];
    // Two writers that do not know of each other store all blobs twice.
    await Promise.all([first.loadIndex(), second.loadIndex()]);
    for (const writer of [first, second]) for (const blob of blobs) await writer.saveBytes(blob);
    await Promise.all([first.flush(), second.flush()]);
    await first.close();
    const packs = await storage.list('pack');
    expect(packs).toHaveLength(2);
    for (const [at, { name }] of packs.entries()) {
      const bytes = await storage.load({ type: 'pack', name });
      bytes.fill(0, 100, 50_000);
      await storage.save({ type: 'pack', name }, [bytes]);
      await repository.close();
      repository = await openRepository(storage, 'pw');
      await repository.loadIndex();
      const { got, failed } = await read(blobs.map(idOf));
      expect(got.length + failed.length).toBe(100);
      // Blobs lie in the order in which they were saved: the same ones are hit in both.
      expect(failed).toHaveLength(at === 0 ? 0 : 3);
      for (const { error } of failed) expect(error).toMatchObject({ code: 'repository-damaged' });
    }
  });

  test('a pack that is gone costs its own blobs alone; a storage that fails is said at once for each', async () => {
    const near = random.bytes(1000);
    const [nearId = ''] = await save([near]);
    const [gone] = await storage.list('pack');
    const [farId = ''] = await save([random.bytes(1000)]);
    await storage.remove({ type: 'pack', name: gone?.name ?? '' });
    await repository.loadIndex();
    expect((await read([nearId, farId])).failed).toMatchObject([{ error: { facts: { missing: true } } }]);
    storage.setFaults([{ call: 'load', type: 'pack', how: 'fail' }]);
    expect((await read([farId])).failed).toMatchObject([{ error: { code: 'storage-failed' } }]);
  });

  test('what no index knows fails, and what comes with it does not', async () => {
    const blob = random.bytes(1000);
    const [id = ''] = await save([blob]);
    await repository.loadIndex();
    const { got, failed } = await read([idOf(Buffer.from('unknown')), id]);
    expect(digests(got)).toEqual([id]);
    expect(failed).toMatchObject([{ error: { code: 'repository-damaged' } }]);
  });

  test('ends with the reason when it is told to, or an outcome fails, and nothing comes after that', async () => {
    const ids = await save(Array.from({ length: 100 }, () => random.bytes(100_000)));
    await repository.loadIndex();
    const stop = new AbortController();
    stop.abort(new RelocateError('interrupted', 'stop'));
    expect(await codeOf(read(ids, stop.signal))).toBe('interrupted');
    let outcomes = 0;
    const memory = new SharedArrayBuffer(100_000);
    const orders = ids.map((id) => ({ id, work: { memory, at: 0, length: 100_000 } }));
    const reading = repository.consumeBlobs('data', inParts(orders, 10), giveBack, {
      done: () => {
        outcomes += 1;
        throw new RelocateError('disk-full', 'full');
      },
      failed: () => {},
    });
    expect(await codeOf(reading)).toBe('disk-full');
    const before = outcomes;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(outcomes).toBe(before);
  });
});
