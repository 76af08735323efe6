import { scryptSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { randomMasterKey, seal } from '../../src/repository/crypto.ts';
import { createKey, listKeyInfos, unlockMaster } from '../../src/repository/key.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { codeOf, errorOf, named } from '../contract/storage.ts';
import { RelocateError } from '../../src/errors.ts';
import { damage, faultyStorage } from '../support/faulty-storage.ts';

describe('key files', () => {
  let folder: string;
  let storage: LocalStorage;
  const master = randomMasterKey();

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-keys-'));
    storage = new LocalStorage(folder);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function save(bytes: Buffer): Promise<string> {
    const file = named('key', bytes);
    await storage.save(file, [bytes]);
    return file.name;
  }

  async function readJson(name: string): Promise<Record<string, unknown>> {
    const bytes = await storage.load({ type: 'key', name });
    return JSON.parse(bytes.toString()) as Record<string, unknown>;
  }

  test('several passwords open the same master key, and the one that did is told', async () => {
    const first = await createKey(storage, master, 'first');
    const second = await createKey(storage, master, 'zweites Paßwort 🔑');
    expect(await unlockMaster(storage, 'first')).toEqual({ id: first, master });
    expect(await unlockMaster(storage, 'zweites Paßwort 🔑')).toEqual({ id: second, master });
    const infos = await listKeyInfos(storage, second);
    expect(new Map(infos.map((info) => [info.id, info.current]))).toEqual(
      new Map([
        [first, false],
        [second, true],
      ]),
    );
  });

  test('a wrong password is refused, and appears nowhere in the error', async () => {
    await createKey(storage, master, 'right');
    const error = await errorOf(unlockMaster(storage, 'Wr0ng-one'));
    expect(error).toMatchObject({ code: 'wrong-password', facts: { keysTried: 1 } });
    expect(JSON.stringify([error.message, error.hint, error.facts])).not.toContain('Wr0ng-one');
  });

  test('a new key has restic’s fields, a salt of its own, and costs a guess at least 32 MiB', async () => {
    const names = [await createKey(storage, master, 'same'), await createKey(storage, master, 'same')];
    const [one, two] = await Promise.all(names.map(readJson));
    expect(Object.keys(one ?? {}).toSorted()).toEqual(
      ['N', 'created', 'data', 'hostname', 'kdf', 'p', 'r', 'salt', 'username'].toSorted(),
    );
    expect(one?.['kdf']).toBe('scrypt');
    expect(128 * Number(one?.['N']) * Number(one?.['r'])).toBeGreaterThanOrEqual(32 * 1024 * 1024);
    expect(Buffer.from(String(one?.['salt']), 'base64')).toHaveLength(64);
    expect(one?.['salt']).not.toBe(two?.['salt']);
    expect(Date.parse(String(one?.['created']))).toBeGreaterThan(Date.parse('2020-01-01'));
  });

  /** A key file as an enemy, or another program, may have written it. */
  function keyJson(changes: Record<string, unknown>, password = 'pw', document?: unknown): Buffer {
    const cost = { N: 1024, r: 8, p: 1 };
    const salt = Buffer.alloc(64, 3);
    const derived = scryptSync(password, salt, 64, cost);
    const key = {
      encrypt: derived.subarray(0, 32),
      macK: derived.subarray(32, 48),
      macR: derived.subarray(48),
    };
    const content = document ?? {
      mac: { k: master.macK.toString('base64'), r: master.macR.toString('base64') },
      encrypt: master.encrypt.toString('base64'),
    };
    const data = seal(key, Buffer.from(JSON.stringify(content))).toString('base64');
    const file = { created: '2026-01-01T00:00:00Z', username: 'u', hostname: 'h', kdf: 'scrypt', ...cost };
    return Buffer.from(JSON.stringify({ ...file, salt: salt.toString('base64'), data, ...changes }));
  }

  test('other costs are taken from the file, and fields not known are left alone', async () => {
    const id = await save(keyJson({ comment: 'from the future' }));
    expect(await unlockMaster(storage, 'pw')).toEqual({ id, master });
  });

  test.each<[string, Record<string, unknown>]>([
    ['a terabyte', { N: 2 ** 33 }],
    ['32 GiB', { N: 2 ** 22, r: 64 }],
    ['an hour', { N: 2 ** 20, r: 8, p: 1_000_000 }],
    ['a cost that is no power of two', { N: 1000 }],
    ['no cost', { N: 1 }],
    ['a negative cost', { N: -1024 }],
    ['half a cost', { N: 1024.5 }],
    ['a cost in words', { N: 'many' }],
    ['no parallelism', { p: 0 }],
    ['another function', { kdf: 'argon2id' }],
    ['no salt', { salt: undefined }],
    ['a salt that is no base64', { salt: '%%%' }],
    ['no data', { data: undefined }],
  ])('a key file that asks for %s is damage, and costs no memory', async (_, changes) => {
    await save(keyJson(changes));
    const before = process.memoryUsage().rss;
    const error = await errorOf(unlockMaster(storage, 'pw'));
    expect(error.code).toBe('repository-damaged');
    expect(error.message).toContain('key');
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
  });

  test.each<[string, unknown]>([
    ['no keys', {}],
    ['a list', []],
    ['short keys', { mac: { k: 'AAAA', r: 'AAAA' }, encrypt: 'AAAA' }],
    ['a number', 5],
  ])('a master key that is %s is damage', async (_, document) => {
    await save(keyJson({}, 'pw', document));
    expect(await codeOf(unlockMaster(storage, 'pw'))).toBe('repository-damaged');
  });

  test.each(['truncate', 'flip'] as const)('a key file with damage (%s) is named as such', async (how) => {
    const good = keyJson({});
    const file = named('key', good);
    await storage.save(file, [damage(good, how)]);
    const error = await errorOf(unlockMaster(storage, 'pw'));
    expect(error.code).toBe('repository-damaged');
    expect(error.message).toContain(`key ${file.name.slice(0, 8)}`);
  });

  test('a damaged key file is in the way of no other, but a wrong password is told that there is one', async () => {
    const id = await save(keyJson({}));
    for (const at of [1, 2, 3])
      await storage.save({ type: 'key', name: String(at).repeat(64) }, [Buffer.from('{}')]);
    expect(await unlockMaster(storage, 'pw')).toEqual({ id, master });
    const error = await errorOf(unlockMaster(storage, 'no'));
    expect(error).toMatchObject({ code: 'wrong-password', facts: { keysTried: 1, keysDamaged: 3 } });
    expect(error.hint).toContain('Some key files are damaged');
  });

  test('a key file that cannot be fetched does not make a right password look wrong', async () => {
    await save(keyJson({}, 'another'));
    await save(keyJson({}));
    const faulty = faultyStorage(storage);
    for (const nth of [1, 2]) {
      faulty.setFaults([{ call: 'load', nth, times: 1, how: 'fail' }]);
      const outcome = await unlockMaster(faulty, 'pw').then(
        () => 'opened',
        (error: unknown) => (error instanceof RelocateError ? error.code : error),
      );
      expect(['opened', 'storage-failed']).toContain(outcome);
      faulty.setFaults([]);
      expect(await codeOf(unlockMaster(faulty, 'no'))).toBe('wrong-password');
    }
    faulty.setFaults([{ call: 'load', how: 'fail' }]);
    expect(await codeOf(unlockMaster(faulty, 'pw'))).toBe('storage-failed');
  });

  test('no key file at all is damage, and nothing a password could mend', async () => {
    expect(await codeOf(unlockMaster(storage, 'pw'))).toBe('repository-damaged');
  });
});
