import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RelocateError } from '../../../src/errors.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { errorOf } from '../../contract/storage.ts';
import type { Fault } from '../../support/faulty-storage.ts';
import { seeded } from '../../support/random.ts';
import { inPieces, makeCopies, makeTemplates, password, read, save, type TestCopies } from './support.ts';

const random = seeded(20261124);
const bytes = random.bytes(20_000_000);

describe('saving into several copies', () => {
  let parent: string;
  let templates: string[];
  let copies: TestCopies;

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'relocate-copies-'));
    templates = await makeTemplates(parent, 3);
  });
  beforeEach(async () => {
    copies = await makeCopies(parent, templates);
  });
  afterAll(() => rm(parent, { recursive: true, force: true }));

  /** The snapshot's content as each copy by itself gives it, having passed its check of every byte. */
  async function heldBy(at: number): Promise<{ ids: string[]; trees: string[]; errors: string[] }> {
    return copies.alone(at, async (repository) => {
      const snapshots = await repository.snapshots();
      const { errors } = await repository.check({ readDataPercent: 100 });
      return { ids: snapshots.map(({ id }) => id), trees: snapshots.map(({ tree }) => tree), errors };
    });
  }

  const failures = ({ copies: all }: Repository) => all.map(({ failure }) => failure?.code);

  test('each gets the same tree and every byte, and knows the snapshot by one ID', async () => {
    const repository = await copies.open();
    const saved = await save(repository, inPieces(bytes));
    const held = repository.copies.map(({ savedSnapshot }) => savedSnapshot);
    await repository.close();
    expect(failures(repository)).toEqual([undefined, undefined, undefined]);
    expect(new Set(held).size).toBe(3);
    expect(held[0]).toBe(saved.snapshot);
    for (const at of [0, 1, 2]) {
      expect(await heldBy(at)).toEqual({ ids: [held[at]], trees: [saved.tree], errors: [] });
      await copies.alone(at, async (alone) => {
        expect((await alone.findSnapshot(saved.snapshot.slice(0, 12))).tree).toBe(saved.tree);
        expect((await read(alone, saved.content)).equals(bytes)).toBe(true);
      });
    }
  });

  test('the source is read once, whatever the number of copies', async () => {
    const repository = await copies.open();
    let readBytes = 0;
    const counted = async function* () {
      for await (const piece of inPieces(bytes)) {
        readBytes += piece.length;
        yield piece;
      }
    };
    await save(repository, counted());
    await repository.close();
    expect(readBytes).toBe(bytes.length);
  });

  const faults: [string, Fault[], string][] = [
    [
      'whose storage dies in the middle of the stream',
      [{ call: 'save', type: 'pack', how: 'fail' }],
      'storage-failed',
    ],
    ['whose disk is full', [{ call: 'save', type: 'pack', how: 'disk-full' }], 'disk-full'],
    ['that cannot store its index', [{ call: 'save', type: 'index', how: 'fail' }], 'storage-failed'],
    ['that cannot store the snapshot', [{ call: 'save', type: 'snapshot', how: 'fail' }], 'storage-failed'],
    ['that cannot be locked', [{ call: 'save', type: 'lock', how: 'fail' }], 'storage-failed'],
    ['whose index cannot be had', [{ call: 'list', type: 'index', how: 'fail' }], 'storage-failed'],
  ];
  test.each(faults)('a copy %s fails alone, and is named', async (name, armed, code) => {
    // The first one gives the snapshot its ID, so it matters which one fails.
    const at = faults.findIndex(([one]) => one === name) % 2;
    const repository = await copies.open();
    copies.storages[at]?.setFaults(armed);
    const saved = await save(repository, inPieces(bytes));
    await repository.close();
    expect(failures(repository)).toEqual([0, 1, 2].map((one) => (one === at ? code : undefined)));
    expect(repository.copies[at]?.savedSnapshot).toBeUndefined();
    expect(copies.warnings('copy-given-up')).toEqual([expect.stringContaining(copies.folders[at] ?? '')]);
    expect((await heldBy(at)).ids).toEqual([]);
    for (const other of [0, 1, 2].filter((one) => one !== at))
      expect(await heldBy(other)).toMatchObject({ trees: [saved.tree], errors: [] });
  });

  test('a copy that did not get the last snapshot gets all that it lacks with the next one', async () => {
    const first = await copies.open();
    copies.storages[1]?.setFaults([{ call: 'save', type: 'pack', how: 'fail' }]);
    await save(first, inPieces(bytes));
    await first.close();
    const second = await copies.open();
    const saved = await save(second, inPieces(bytes));
    await second.close();
    expect(await heldBy(1)).toMatchObject({ trees: [saved.tree], errors: [] });
    expect((await heldBy(0)).trees).toEqual([saved.tree, saved.tree]);
  });

  test('only what every copy has counts as there', async () => {
    const first = await copies.open();
    copies.storages[2]?.setFaults([{ call: 'save', type: 'pack', how: 'fail' }]);
    const { content } = await save(first, inPieces(bytes));
    await first.close();
    const all = await copies.open();
    await all.loadIndex();
    expect(content.some((id) => all.hasBlob('data', id))).toBe(false);
    await all.close();
    copies.folders.pop();
    copies.storages.pop();
    const two = await copies.open();
    await two.loadIndex();
    expect(content.every((id) => two.hasBlob('data', id))).toBe(true);
    await two.close();
  });

  test('a copy that loses its lock meanwhile fails alone, and writes no snapshot', async () => {
    const repository = await copies.open();
    const stealing = async function* () {
      yield bytes.subarray(0, 5_000_000);
      const locks = join(copies.folders[1] ?? '', 'locks');
      for (const name of await readdir(locks)) await rm(join(locks, name));
      yield bytes.subarray(5_000_000);
    };
    await save(repository, stealing());
    await repository.close();
    expect(failures(repository)).toEqual([undefined, 'lock-lost', undefined]);
    expect((await heldBy(1)).ids).toEqual([]);
  });

  test('no lock is left, neither of the copies that lasted nor of the one that was given up', async () => {
    const repository = await copies.open();
    copies.storages[1]?.setFaults([{ call: 'save', type: 'pack', how: 'fail' }]);
    await save(repository, inPieces(bytes));
    await repository.close();
    const locks = await Promise.all(copies.folders.map((folder) => readdir(join(folder, 'locks'))));
    expect(locks).toEqual([[], [], []]);
  });

  test('one that is locked, or opens with another password, or is none, leaves the work to the others', async () => {
    await rm(join(copies.folders[2] ?? '', 'config'));
    await rm(join(copies.folders[2] ?? '', 'keys'), { recursive: true });
    await copies.alone(0, (locked) =>
      locked.withLock('exclusive', {}, async () => {
        const repository = await copies.open({ passwords: [password, password, password] });
        const saved = await save(repository, inPieces(bytes.subarray(0, 3_000_000)));
        await repository.close();
        expect(failures(repository)).toEqual(['repository-locked', undefined, 'repository-missing']);
        expect(repository.copies[1]?.savedSnapshot).toBe(saved.snapshot);
      }),
    );
    const other = await copies.open({ passwords: ['not it', password] });
    expect(failures(other)).toEqual(['wrong-password', undefined, 'repository-missing']);
    await other.close();
  });

  test('when none is left, the error says why of each, and is the first one’s', async () => {
    const closed = await errorOf(copies.open({ passwords: ['a', 'b', 'c'] }));
    expect(closed.code).toBe('wrong-password');
    for (const folder of copies.folders) expect(closed.message).toContain(folder);
    const repository = await copies.open();
    for (const storage of copies.storages)
      storage.setFaults([{ call: 'save', type: 'pack', how: 'disk-full' }]);
    expect(await errorOf(save(repository, inPieces(bytes)))).toMatchObject({ code: 'disk-full' });
    await repository.close();
  });

  test('an interruption is nobody’s fault: it ends the work, and no copy is given up', async () => {
    const interrupt = new AbortController();
    const repository = await copies.open({ signal: interrupt.signal });
    const interrupted = async function* () {
      yield bytes.subarray(0, 10_000_000);
      interrupt.abort(new RelocateError('interrupted', 'Interrupted.'));
      for (const storage of copies.storages) storage.setFaults([{ call: 'save', how: 'fail' }]);
      yield* inPieces(bytes);
    };
    expect(await errorOf(save(repository, interrupted()))).toMatchObject({ code: 'interrupted' });
    expect(failures(repository)).toEqual([undefined, undefined, undefined]);
    await repository.close();
  });

  test('a source that fails is not taken for a copy that does', async () => {
    const repository = await copies.open();
    const failing = async function* () {
      yield bytes.subarray(0, 1_000_000);
      throw new RelocateError('source-failed', 'The database went away.');
    };
    expect(await errorOf(save(repository, failing()))).toMatchObject({ code: 'source-failed' });
    expect(failures(repository)).toEqual([undefined, undefined, undefined]);
    await repository.close();
  });

  test('the slowest copy sets the pace, and the pace is free again when it dies', async () => {
    const repository = await copies.open();
    const slow = copies.storages[1];
    if (slow === undefined) throw new Error('no storage');
    const gate = Promise.withResolvers<void>();
    slow.save = async (file) => {
      if (file.type === 'lock') return;
      await gate.promise;
      throw new RelocateError('storage-failed', 'It is gone.');
    };
    // Not looked for, as it was never stored.
    slow.size = async () => 1;
    let readBytes = 0;
    const endless = async function* () {
      for (let at = 0; at < 300; at += 1) {
        const piece = random.bytes(1_000_000);
        readBytes += piece.length;
        yield piece;
      }
    };
    const saving = save(repository, endless());
    // Until nothing was read for three seconds.
    let before = 0;
    for (let look = 0, still = 0; look < 200 && still < 6; look += 1) {
      await sleep(500);
      still = readBytes > 0 && readBytes === before ? still + 1 : 0;
      before = readBytes;
    }
    // What one copy holds on its way through its threads and its packs.
    expect(readBytes).toBeGreaterThan(20_000_000);
    expect(readBytes).toBeLessThan(130_000_000);
    gate.resolve();
    const { tree } = await saving;
    await repository.close();
    expect(readBytes).toBe(300_000_000);
    expect(failures(repository)).toEqual([undefined, 'storage-failed', undefined]);
    expect(await heldBy(2)).toMatchObject({ trees: [tree], errors: [] });
  }, 120_000);
});
