import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../src/errors.ts';
import { idOf } from '../../src/repository/crypto.ts';
import { createRepository, openRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { codeOf, errorOf } from '../contract/storage.ts';
import { damage, faultyStorage, type FaultyStorage } from '../support/faulty-storage.ts';
import { seeded } from '../support/random.ts';

const mebibyte = 1024 * 1024;

describe('a repository', () => {
  let folder: string;
  let storage: FaultyStorage;
  let repository: Repository;
  const random = seeded(99);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-engine-'));
    storage = faultyStorage(new LocalStorage(folder));
    repository = await createRepository(storage, 'pw');
  });
  afterEach(async () => {
    await repository.close();
    await rm(folder, { recursive: true, force: true });
  });

  const reopened = () => openRepository(new LocalStorage(folder), 'pw');

  async function* once(content: Uint8Array) {
    yield content;
  }

  async function read(from: Repository, content: readonly string[], signal?: AbortSignal): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of from.readContent(content, signal)) parts.push(part);
    return Buffer.concat(parts);
  }

  const saveSnapshot = async () =>
    repository.saveSnapshot({
      time: new Date().toISOString(),
      tree: await repository.saveTree(Buffer.from('{"nodes":[]}\n')),
      paths: ['/'],
    });

  test('gives back streams and bytes of all sizes, in order, to whoever opens it', async () => {
    const contents = [0, 1, 5_000, 600_000, 9 * mebibyte].map((size) => random.bytes(size));
    const saved = await Promise.all(
      contents.flatMap((content) => [
        repository.saveStream(once(content)),
        repository.saveBytes(Buffer.from(content)),
      ]),
    );
    await repository.flush();
    const other = await reopened();
    for (const [at, { content, sizeBytes }] of saved.entries()) {
      const expected = contents[at >> 1] ?? Buffer.alloc(0);
      expect(sizeBytes).toBe(expected.length);
      expect((await read(other, content)).equals(expected)).toBe(true);
    }
    await other.close();
  });

  test('stores a blob once, however often and however close together it comes', async () => {
    const content = random.bytes(100_000);
    await Promise.all(Array.from({ length: 20 }, () => repository.saveBytes(Buffer.from(content))));
    await repository.flush();
    await repository.saveBytes(Buffer.from(content));
    await repository.flush();
    expect(repository.stats()).toMatchObject({ dataBlobs: 1, addedBytes: content.length });
    const other = await reopened();
    await other.saveBytes(Buffer.from(content));
    await other.flush();
    expect(other.stats().dataBlobs).toBe(0);
    await other.close();
    expect(await storage.list('pack')).toHaveLength(1);
  });

  test('keeps data and trees apart, also where both have the same bytes', async () => {
    const bytes = Buffer.from('{"nodes":[]}\n');
    const tree = await repository.saveTree(Buffer.from(bytes));
    const { content } = await repository.saveBytes(Buffer.from(bytes));
    expect(content).toEqual([tree]);
    await repository.flush();
    expect(await storage.list('pack')).toHaveLength(2);
    expect(repository.hasBlob('tree', tree) && repository.hasBlob('data', tree)).toBe(true);
  });

  test('takes the other copy where one is damaged, and says so where none is whole', async () => {
    const content = random.bytes(50_000);
    const twin = await reopened();
    // Two writers that do not know of each other store the blob twice.
    await Promise.all([repository.saveBytes(Buffer.from(content)), twin.saveBytes(Buffer.from(content))]);
    await Promise.all([repository.flush(), twin.flush()]);
    await twin.close();
    const packs = await storage.list('pack');
    expect(packs).toHaveLength(2);
    const id = idOf(content);
    for (const [at, { name }] of packs.entries()) {
      const bytes = await storage.load({ type: 'pack', name });
      bytes.fill(0, 0, 1000);
      await storage.save({ type: 'pack', name }, [bytes]);
      const other = await reopened();
      if (at === 0) expect((await read(other, [id])).equals(content)).toBe(true);
      else expect(await codeOf(read(other, [id]))).toBe('repository-damaged');
      await other.close();
    }
  });

  test('gives no byte of a blob that came damaged from the storage, and stops there', async () => {
    const content = randomBytes(40 * mebibyte);
    const saved = await repository.saveStream(once(content));
    await repository.flush();
    // Which blobs the other loads bring depends on when threads were done with them; the last one brings the end.
    const loadsBefore = storage.calls.filter((call) => call === 'load pack').length;
    for await (const part of repository.readContent(saved.content)) expect(part.length).toBeGreaterThan(0);
    const nth = storage.calls.filter((call) => call === 'load pack').length - loadsBefore;
    expect(nth).toBeGreaterThan(1);
    for (const how of ['flip', 'truncate', 'fail'] as const) {
      storage.setFaults([{ call: 'load', type: 'pack', nth, how }]);
      const got: Buffer[] = [];
      const reading = async () => {
        for await (const part of repository.readContent(saved.content)) got.push(part);
      };
      expect(['repository-damaged', 'storage-failed']).toContain(await codeOf(reading()));
      expect(got.length).toBeGreaterThan(0);
      expect(got.length).toBeLessThan(saved.content.length);
      const whole = Buffer.concat(got);
      expect(whole.equals(content.subarray(0, whole.length))).toBe(true);
    }
  });

  test('stops reading and saving when it is told to', async () => {
    const saved = await repository.saveStream(once(random.bytes(4 * mebibyte)));
    await repository.flush();
    const stop = new AbortController();
    stop.abort(new RelocateError('interrupted', 'stop'));
    expect(await codeOf(read(repository, saved.content, stop.signal))).toBe('interrupted');
    expect(await codeOf(repository.saveStream(once(random.bytes(10)), stop.signal))).toBe('interrupted');
  });

  test('takes no more from a stream than it can pass on: a stuck storage bounds memory', async () => {
    let given = 0;
    async function* content() {
      for (; given < 400; given += 1) yield random.bytes(mebibyte);
    }
    let fail = () => {};
    const stuck = new Promise<never>((_, reject) => {
      fail = () => reject(new RelocateError('storage-failed', 'It came to nothing.'));
    });
    const slow = await openRepository(
      { ...faultyStorage(new LocalStorage(folder)), save: () => stuck },
      'pw',
    );
    const saving = codeOf(slow.saveStream(content()));
    let before = -1;
    while (before !== given) {
      before = given;
      await sleep(1_000);
    }
    fail();
    expect(await saving).toBe('storage-failed');
    // 48 MiB on their way, and packs: one being stored, one waiting, one half full.
    expect(before).toBeLessThan(120);
    await slow.close();
  });

  test.each(['pack', 'index'] as const)(
    'after a failure to store a file of type %s no flush succeeds any more',
    async (type) => {
      storage.setFaults([{ call: 'save', type, how: 'disk-full', times: 1 }]);
      await repository.saveBytes(random.bytes(1000));
      expect(await codeOf(repository.flush())).toBe('disk-full');
      expect(await codeOf(repository.flush())).toBe('disk-full');
      const again = async () => {
        await repository.saveBytes(random.bytes(1000));
        await repository.flush();
      };
      expect(await codeOf(again())).toBe('disk-full');
    },
  );

  test('flushes side by side both end only when everything is indexed', async () => {
    await repository.saveBytes(random.bytes(1000));
    const indexed = async () => {
      await repository.flush();
      return (await storage.list('index')).length;
    };
    expect(await Promise.all([indexed(), indexed()])).toEqual([1, 1]);
  });

  test('writes no snapshot under a lock that was taken away', async () => {
    const work = repository.withLock('shared', {}, async () => {
      for (const { name } of await storage.list('lock')) await storage.remove({ type: 'lock', name });
      await saveSnapshot();
    });
    expect(await codeOf(work)).toBe('lock-lost');
    expect(await storage.list('snapshot')).toEqual([]);
    expect(await repository.withLock('shared', {}, saveSnapshot)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is never made over another, and one without its config keeps its keys', async () => {
    await saveSnapshot();
    await repository.flush();
    expect(await codeOf(createRepository(storage, 'new'))).toBe('repository-exists');
    const config = await storage.load({ type: 'config', name: '' });
    await storage.remove({ type: 'config', name: '' });
    for (const attempt of [createRepository(storage, 'new'), openRepository(storage, 'pw')]) {
      const error = await errorOf(attempt);
      expect(error.code).toBe('repository-damaged');
      expect(error.message).toContain('config');
    }
    await storage.save({ type: 'config', name: '' }, [config]);
    const again = await reopened();
    expect(await again.snapshots()).toHaveLength(1);
    await again.close();
  });

  test('whose making was killed before its config can be made anew', async () => {
    await storage.remove({ type: 'config', name: '' });
    expect(await codeOf(openRepository(storage, 'pw'))).toBe('repository-missing');
    const made = await createRepository(storage, 'other');
    expect(await made.listKeys()).toHaveLength(1);
    await made.close();
    expect(await codeOf(openRepository(new LocalStorage(folder), 'pw'))).toBe('wrong-password');
  });

  test('changes and removes passwords, but never the key in use, nor one of several by half a name', async () => {
    const own = (await repository.listKeys())[0]?.id ?? '';
    expect(await codeOf(repository.removeKey(own))).toBe('usage');
    const added = await repository.addKey('second');
    expect(await codeOf(repository.removeKey(''))).toBe('usage');
    expect(await codeOf(repository.removeKey('zzzz'))).toBe('usage');
    await repository.removeKey(added.slice(0, 16));
    expect(await codeOf(openRepository(storage, 'second'))).toBe('wrong-password');
    await repository.changePassword('third');
    expect(await codeOf(openRepository(storage, 'pw'))).toBe('wrong-password');
    const [only, ...others] = await repository.listKeys();
    expect(only?.current).toBe(true);
    expect(others).toEqual([]);
    await (await openRepository(storage, 'third')).close();
  });

  test('a password change that fails half way leaves the old password working', async () => {
    storage.setFaults([{ call: 'save', type: 'key', how: 'fail' }]);
    expect(await codeOf(repository.changePassword('new'))).toBe('storage-failed');
    storage.setFaults([{ call: 'remove', type: 'key', how: 'fail', times: 1 }]);
    expect(await codeOf(repository.changePassword('new'))).toBe('storage-failed');
    await (await reopened()).close();
  });

  test('check names a damaged key that nobody used', async () => {
    const added = await repository.addKey('second');
    const bytes = await storage.load({ type: 'key', name: added });
    await storage.save({ type: 'key', name: added }, [damage(bytes, 'truncate')]);
    const { errors } = await repository.check({ readDataPercent: 0 });
    expect(errors.join('\n')).toContain(`Key ${added.slice(0, 8)}`);
  });
});
