import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Event } from '../../src/events.ts';
import { randomMasterKey } from '../../src/repository/crypto.ts';
import { saveDocument } from '../../src/repository/document.ts';
import { findSnapshot, listSnapshots } from '../../src/repository/snapshots.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { errorOf } from '../contract/storage.ts';
import type { FileType } from '../../src/storage/storage.ts';
import { damage, faultyStorage } from '../support/faulty-storage.ts';

describe('snapshots', () => {
  let folder: string;
  let storage: LocalStorage;
  const key = randomMasterKey();
  const tree = 'ab'.repeat(32);
  const at = (hour: number) => `2026-01-01T${String(hour).padStart(2, '0')}:00:00Z`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-snapshots-'));
    storage = new LocalStorage(folder);
  });
  afterEach(async () => {
    for (const { name } of await storage.list('snapshot')) await storage.remove({ type: 'snapshot', name });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const save = (document: object) => saveDocument(storage, key, 'snapshot', document, 2);
  const list = (tags?: string[]) => listSnapshots({ storage, key }, tags ? { tags } : {});
  const find = (name: string, tags?: string[]) => findSnapshot({ storage, key }, name, tags ? { tags } : {});

  async function spoil(name: string): Promise<void> {
    const bytes = await storage.load({ type: 'snapshot', name });
    await storage.save({ type: 'snapshot', name }, [damage(bytes, 'flip')]);
  }

  test('keep what is known of them; what a later version adds, and nulls of Go, harm nothing', async () => {
    const full = {
      time: '2026-01-01T12:00:00.123456789+02:00',
      tree,
      parent: 'cd'.repeat(32),
      paths: ['/srv/app'],
      tags: ['relocate'],
      hostname: 'here',
      program_version: 'restic 9.9',
    };
    const id = await save({ ...full, colour: 'green', summary: null, excludes: null, original: null });
    expect(await find(id)).toEqual({ id, ...full });
    const bare = await save({ time: at(1), tree, paths: null, tags: null, parent: null });
    expect(await find(bare)).toEqual({ id: bare, time: at(1), tree, paths: [] });
  });

  test.each<[string, object]>([
    ['no tree', { time: at(1), paths: [] }],
    ['a tree that is no ID', { time: at(1), tree: '../..', paths: [] }],
    ['no time', { tree, paths: [] }],
    ['a time that is none', { time: 'yesterday', tree, paths: [] }],
    ['paths that are no list', { time: at(1), tree, paths: '/srv' }],
  ])('with %s are damage, and named', async (_, document) => {
    const id = await save(document);
    const error = await errorOf(find(id));
    expect(error.code).toBe('repository-damaged');
    expect(error.message).toContain(`snapshot ${id.slice(0, 8)}`);
  });

  test('are listed oldest first, across time zones and fractions of a second', async () => {
    const third = await save({ time: '2026-01-01T10:00:00.9Z', tree });
    const first = await save({ time: '2026-01-01T11:30:00.000000001+02:00', tree });
    const second = await save({ time: '2026-01-01T10:00:00.123456789Z', tree });
    expect((await list()).map((snapshot) => snapshot.id)).toEqual([first, second, third]);
    expect((await find('latest')).id).toBe(third);
  });

  test('taken within one millisecond are in the order of their nanoseconds', async () => {
    const times = ['02', '11', '1', '03', ''].map((fraction) => `2026-01-01T10:00:00.0000${fraction}Z`);
    for (const time of times) await save({ time, tree });
    expect((await list()).map((snapshot) => snapshot.time)).toEqual([4, 0, 3, 2, 1].map((nth) => times[nth]));
  });

  test('are chosen by all the tags asked for', async () => {
    const both = await save({ time: at(1), tree, tags: ['relocate', 'app=a'] });
    await save({ time: at(2), tree, tags: ['app=a'] });
    await save({ time: at(3), tree });
    expect((await list(['relocate', 'app=a'])).map((snapshot) => snapshot.id)).toEqual([both]);
    expect((await find('latest', ['relocate'])).id).toBe(both);
    expect((await errorOf(find('latest', ['app=b']))).code).toBe('snapshot-missing');
  });

  test('with a tag that is not wanted are passed over, also as “latest”', async () => {
    const whole = await save({ time: at(1), tree, tags: ['app=a'] });
    await save({ time: at(2), tree, tags: ['app=a', 'partial'] });
    const latest = await findSnapshot({ storage, key }, 'latest', {
      tags: ['app=a'],
      withoutTags: ['partial'],
    });
    expect(latest.id).toBe(whole);
  });

  test('are found by the beginning of their ID, unless several begin so', async () => {
    const ids = new Set<string>();
    for (let hour = 0; hour < 17; hour += 1) ids.add(await save({ time: at(hour), tree }));
    // Seventeen IDs and sixteen digits: two begin alike.
    const shared =
      [...ids].map((id) => id[0] ?? '').find((digit, at, all) => all.indexOf(digit) !== at) ?? '';
    const ambiguous = await errorOf(find(shared));
    expect(ambiguous.code).toBe('snapshot-missing');
    expect(ambiguous.message).toContain('Give more digits');
    for (const id of ids) expect((await find(id.slice(0, 12))).id).toBe(id);
    const [some = ''] = ids;
    expect((await find(some)).id).toBe(some);
  });

  test.each(['', 'LATEST', '../config', 'zz', 'ABCDEF', 'a'.repeat(65), 'a'.repeat(64)])(
    'of the name %j there are none: an error with the command that lists them',
    async (name) => {
      await save({ time: at(1), tree });
      const error = await errorOf(find(name));
      expect(error.code).toBe('snapshot-missing');
      expect(error.hint).toContain('relocate snapshots');
    },
  );

  test('that are damaged are told of, and the others listed', async () => {
    const good = await save({ time: at(1), tree });
    const bad = await save({ time: at(2), tree });
    await spoil(bad);
    const events: Event[] = [];
    const found = await listSnapshots({ storage, key }, {}, (event) => events.push(event));
    expect(found.map((snapshot) => snapshot.id)).toEqual([good]);
    expect(events).toMatchObject([{ type: 'warning', code: 'snapshot-unreadable', item: bad }]);
  });

  test('that are damaged leave “latest” unknown: an older one is not passed off as the newest', async () => {
    const good = await save({ time: at(1), tree });
    const bad = await save({ time: at(2), tree });
    await spoil(bad);
    const error = await errorOf(find('latest'));
    expect(error.code).toBe('repository-damaged');
    expect(error.message).toContain(bad.slice(0, 8));
    expect(error.hint).toContain('relocate snapshots');
    expect((await find(good.slice(0, 16))).id).toBe(good);
  });

  test('that go away between the listing and the reading are none', async () => {
    const stays = await save({ time: at(1), tree });
    const gone = await save({ time: at(2), tree });
    const faulty = faultyStorage(storage);
    const place = { storage: { ...faulty, list: listThenRemove }, key };
    async function listThenRemove(type: FileType) {
      const names = await storage.list(type);
      await storage.remove({ type: 'snapshot', name: gone });
      return names;
    }
    const events: Event[] = [];
    const found = await listSnapshots(place, {}, (event) => events.push(event));
    expect(found.map((snapshot) => snapshot.id)).toEqual([stays]);
    expect(events).toEqual([]);
  });
});
