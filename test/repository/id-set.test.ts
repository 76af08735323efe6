import { expect, test } from '@jest/globals';
import { IdSet } from '../../src/repository/id-set.ts';
import { idOf } from '../../src/repository/crypto.ts';

const ids = Array.from({ length: 3000 }, (_, at) => idOf(Buffer.from(String(at))));

test('a set of IDs knows what was added, once, in the order added', () => {
  const set = new IdSet();
  for (const id of ids) expect(set.add(id)).toBe(true);
  for (const id of ids) expect(set.add(id)).toBe(false);
  expect(set.size).toBe(ids.length);
  expect([...set]).toEqual(ids);
  expect(ids.every((id) => set.has(id))).toBe(true);
  expect(set.has(idOf(Buffer.from('another')))).toBe(false);
});

test('IDs that share their first bytes, which are their hash, are told apart', () => {
  const alike = Array.from({ length: 200 }, (_, at) => '00000000' + at.toString(16).padStart(56, '0'));
  const set = new IdSet();
  set.addAll(alike);
  expect([...set]).toEqual(alike);
  expect(set.has('00000000' + 'f'.repeat(56))).toBe(false);
});
