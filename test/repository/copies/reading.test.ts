import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { errorOf } from '../../contract/storage.ts';
import { seeded } from '../../support/random.ts';
import { inPieces, makeCopies, makeTemplates, read, save, type TestCopies } from './support.ts';

const random = seeded(20261125);
const bytes = random.bytes(24_000_000);
const firstTime = '2026-01-31T12:00:00.000Z';
const secondTime = '2026-02-01T12:00:00.000Z';

describe('reading from several copies', () => {
  let parent: string;
  let saved: string[];
  let copies: TestCopies;
  let content: string[];
  let firstSnapshot: string;

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'relocate-copies-'));
    const made = await makeCopies(parent, await makeTemplates(parent, 2));
    const repository = await made.open();
    ({ content, snapshot: firstSnapshot } = await save(repository, inPieces(bytes), firstTime));
    await repository.close();
    saved = made.folders;
  });
  beforeEach(async () => {
    copies = await makeCopies(parent, saved);
  });
  afterAll(() => rm(parent, { recursive: true, force: true }));

  /** Files of a copy, absolute: `data`, `index`, `snapshots`. */
  async function filesOf(at: number, folder: string): Promise<string[]> {
    const root = join(copies.folders[at] ?? '', folder);
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }

  async function flip(path: string): Promise<void> {
    const damaged = await readFile(path);
    damaged.writeUInt8(damaged.readUInt8(damaged.length >> 1) ^ 4, damaged.length >> 1);
    await rm(path);
    await writeFile(path, damaged);
  }

  async function readAll(): Promise<boolean> {
    const repository = await copies.open();
    try {
      return (await read(repository, content)).equals(bytes);
    } finally {
      await repository.close();
    }
  }

  test('the first copy alone is read while it is sound', async () => {
    expect(await readAll()).toBe(true);
    expect(copies.storages[1]?.calls.filter((call) => call === 'load pack')).toEqual([]);
    expect(copies.said).toEqual([]);
  });

  test('a damaged pack costs nothing but a word: each of its blobs comes from the other copy', async () => {
    for (const path of await filesOf(0, 'data')) await flip(path);
    expect(await readAll()).toBe(true);
    expect(copies.warnings('copy-damaged').length).toBeGreaterThan(0);
  });

  test('of a pack that lost many blobs the person hears once', async () => {
    const packs = await filesOf(0, 'data');
    for (const path of packs) {
      await rm(path);
      await writeFile(path, Buffer.alloc(40_000_000));
    }
    expect(await readAll()).toBe(true);
    const said = copies.warnings('copy-damaged');
    expect(said.length).toBeLessThanOrEqual(packs.length);
    expect(said.length).toBeGreaterThan(0);
    expect(content.length).toBeGreaterThan(packs.length);
    expect(said[0]).toMatch(/in pack [0-9a-f]{8} is not what was stored\. It is read from another copy\.$/);
  });

  test('packs that are gone come from the other copy', async () => {
    for (const path of await filesOf(0, 'data')) await rm(path);
    expect(await readAll()).toBe(true);
  });

  test('a damaged index makes the copy one that lacks things, and no more than that', async () => {
    for (const path of await filesOf(0, 'index')) await flip(path);
    expect(await readAll()).toBe(true);
    expect(copies.warnings('copy-damaged')).toHaveLength(1);
  });

  test('different damage in each copy loses nothing', async () => {
    const dataPacks = async (at: number) => {
      const packs = await filesOf(at, 'data');
      const sizes = await Promise.all(packs.map(async (path) => (await stat(path)).size));
      return packs.filter((_, one) => (sizes[one] ?? 0) > 1_000_000);
    };
    const lostIn = (at: number) =>
      copies.alone(at, async (one) => {
        const tries = await Promise.allSettled(content.map((id) => one.loadBlob('data', id)));
        return content.filter((_, index) => tries[index]?.status === 'rejected');
      });
    await rm((await dataPacks(0))[0] ?? '');
    const lost = new Set(await lostIn(0));
    // Threads fill packs as they come: which of the other copy's holds none of the same is to be found out.
    let other: string[] = [];
    for (const pack of await dataPacks(1)) {
      await rename(pack, `${pack}.kept`);
      other = await lostIn(1);
      if (!other.some((id) => lost.has(id))) break;
      await rename(`${pack}.kept`, pack);
      other = [];
    }
    expect(lost.size).toBeGreaterThan(0);
    expect(other.length).toBeGreaterThan(0);
    expect(await readAll()).toBe(true);
  });

  test('the same damage in every copy is an error, never wrong bytes', async () => {
    for (const at of [0, 1]) for (const path of await filesOf(at, 'data')) await flip(path);
    expect(await errorOf(readAll())).toMatchObject({ code: 'repository-damaged' });
  });

  test('a storage that dies in the middle is given up and asked no more', async () => {
    const repository = await copies.open();
    copies.storages[0]?.setFaults([{ call: 'load', type: 'pack', nth: 3, how: 'fail' }]);
    expect((await read(repository, content)).equals(bytes)).toBe(true);
    expect(copies.warnings('copy-given-up')).toHaveLength(1);
    const asked = copies.storages[0]?.calls.length;
    expect((await read(repository, content)).equals(bytes)).toBe(true);
    expect(copies.storages[0]?.calls.length).toBe(asked);
    await repository.close();
  });

  describe('snapshots', () => {
    /** One more, in the copies that are named alone. */
    async function saveIn(at: readonly number[], time: string): Promise<string> {
      const repository = await copies.open();
      for (const [one, storage] of copies.storages.entries())
        if (!at.includes(one)) storage.setFaults([{ call: 'save', type: 'lock', how: 'fail' }]);
      const { snapshot } = await save(repository, inPieces(random.bytes(1000)), time);
      await repository.close();
      copies.said.length = 0;
      return snapshot;
    }

    async function listed(): Promise<[string, number][]> {
      const repository = await copies.open();
      const snapshots = await repository.snapshots({}, (event) => copies.said.push(event));
      await repository.close();
      return snapshots.map(({ id, copies: held }) => [id, held?.length ?? 0]);
    }

    const find = async (name: string) => {
      const repository = await copies.open();
      try {
        return await repository.findSnapshot(name);
      } finally {
        await repository.close();
      }
    };

    test('each is listed once, with the copies that have it', async () => {
      const second = await saveIn([1], secondTime);
      expect(await listed()).toEqual([
        [firstSnapshot, 2],
        [second, 1],
      ]);
    });

    test.each([0, 1])('the newest is the latest, also where copy %i alone has it', async (at) => {
      const second = await saveIn([at], secondTime);
      expect(await find('latest')).toMatchObject({ id: second, time: secondTime });
    });

    test('any ID that a copy has it by finds it, and so does a part of one', async () => {
      const names = await Promise.all(
        [0, 1].map((at) => copies.alone(at, async (one) => (await one.snapshots())[0]?.id ?? '')),
      );
      expect(new Set(names).size).toBe(2);
      for (const name of names) expect(await find(name.slice(0, 16))).toMatchObject({ id: firstSnapshot });
      expect(await errorOf(find('0123456789'))).toMatchObject({ code: 'snapshot-missing' });
    });

    test('the ID it is known by finds it in the second copy too when the first one is gone', async () => {
      await rm(copies.folders[0] ?? '', { recursive: true });
      expect(await find(firstSnapshot)).toMatchObject({ time: firstTime });
      expect(copies.warnings('copy-given-up')).toHaveLength(1);
    });

    test.each([0, 1])('a snapshot file damaged in copy %i is read from the other one', async (at) => {
      for (const path of await filesOf(at, 'snapshots')) await flip(path);
      expect(await find('latest')).toMatchObject({ time: firstTime });
      expect(await listed()).toEqual([[expect.any(String), 1]]);
      expect(copies.warnings('snapshot-unreadable').at(-1)).toMatch(/Another copy has it\.$/);
    });

    test('one that is damaged and lies nowhere else may be the newest: an older one is not passed off as it', async () => {
      const second = await saveIn([0], secondTime);
      await flip(join(copies.folders[0] ?? '', 'snapshots', second));
      expect(await errorOf(find('latest'))).toMatchObject({ code: 'repository-damaged' });
      expect(await find(firstSnapshot)).toMatchObject({ time: firstTime });
    });
  });
});
