import { describe, expect, test } from '@jest/globals';
import type { RecordSet } from '../../src/dns/zone.ts';
import { afterwards, cachesUntil, isOurs, lowered, originOf } from '../../src/relocation/cutover-plan.ts';
import type { Cutover, MovedName } from '../../src/relocation/cutover-record.ts';

const name = 'www.example.com';
const a = (ttlSeconds: number, ...values: string[]): RecordSet => ({ name, type: 'A', ttlSeconds, values });
const alias = (value: string): RecordSet => ({ name, type: 'CNAME', ttlSeconds: 900, values: [value] });
const dns = { zone: 'example.com', names: ['example.com', name], ttlSeconds: 60 };
const moved = (before: RecordSet[], after: RecordSet[]): MovedName => ({
  name,
  before,
  after,
  usualTtlSeconds: 3600,
});

describe('what a name is to have', () => {
  test.each([
    [
      'addresses take the place of all that leads elsewhere',
      [a(3600, '192.0.2.1')],
      ['198.51.100.7'],
      ['A 198.51.100.7'],
    ],
    [
      'both kinds of address',
      [alias('host.example.net')],
      ['2001:DB8::7', '198.51.100.7'],
      ['A 198.51.100.7', 'AAAA 2001:db8::7'],
    ],
    [
      'a host that is reached by a name',
      [a(60, '192.0.2.1')],
      ['host.example.org'],
      ['CNAME host.example.org'],
    ],
    [
      'a name that follows another one of the app',
      [alias('example.com')],
      ['198.51.100.7'],
      ['CNAME example.com'],
    ],
    ['a name that is new', [], ['198.51.100.7'], ['A 198.51.100.7']],
  ])('%s', (_what, before, addresses, expected) => {
    const after = afterwards(name, before, addresses, dns);
    expect(after.map(({ type, values }) => `${type} ${values.join()}`)).toEqual(expected);
  });

  test('a zone itself cannot be an alias', () => {
    expect(() => afterwards('example.com', [], ['host.example.org'], dns)).toThrow('must have addresses');
  });
});

describe('whose record it is', () => {
  const both = moved([a(3600, '192.0.2.1', '192.0.2.2')], [a(60, '198.51.100.7')]);
  test.each([
    ['as before', [a(3600, '192.0.2.1', '192.0.2.2')], true],
    ['with another time to live', [a(60, '192.0.2.1', '192.0.2.2')], true],
    ['half way', [a(60, '192.0.2.2', '198.51.100.7')], true],
    ['moved', [a(60, '198.51.100.7')], true],
    ['somebody else’s address', [a(60, '203.0.113.66')], false],
    ['somebody else’s address among ours', [a(60, '198.51.100.7', '203.0.113.66')], false],
    ['somebody else’s alias', [alias('host.example.net')], false],
    ['removed by somebody', [], false],
  ])('%s', (_what, now, ours) => {
    expect(isOurs(now, both)).toBe(ours);
  });

  test('nothing is ours while an alias gives way to addresses one by one', () => {
    expect(isOurs([], moved([alias('host.example.net')], [a(60, '198.51.100.7')]))).toBe(true);
  });
});

describe('when caches have run out', () => {
  const seenAt = new Date('2026-01-31T12:00:00Z');
  const cutover = (change: Partial<Cutover>): Cutover => ({
    startedAt: '2026-01-31T11:00:00Z',
    dns: { ...dns, provider: { kind: 'hetzner' } },
    state: 'switching',
    names: [moved([a(3600, '192.0.2.1')], [a(60, '198.51.100.7')])],
    allowGap: false,
    ...change,
  });
  test.each([
    ['the old time to live after the move, when nothing was prepared', {}, '13:00:00'],
    ['the short one, when it was prepared long ago', { loweredAt: '2026-01-31T10:00:00Z' }, '12:01:00'],
    [
      'what is left of the old one, when it was prepared a while ago',
      { loweredAt: '2026-01-31T11:30:00Z' },
      '12:30:00',
    ],
    [
      'at once, when nothing moved',
      { names: [moved([a(60, '198.51.100.7')], [a(60, '198.51.100.7')])] },
      '12:00:00',
    ],
    ['at once, for a name that is new', { names: [moved([], [a(60, '198.51.100.7')])] }, '12:00:00'],
  ])('%s', (_what, change, time) => {
    expect(cachesUntil(cutover(change), seenAt).toISOString()).toBe(`2026-01-31T${time}.000Z`);
  });

  test('what a name had before is what it had before all that is under way', () => {
    const now = [a(60, '198.51.100.7')];
    expect(originOf(name, now, undefined, false)).toMatchObject({ before: now });
    expect(originOf(name, now, cutover({}), false)).toMatchObject({ before: [a(3600, '192.0.2.1')] });
    expect(originOf(name, now, cutover({ state: 'done' }), false)).toEqual({
      before: now,
      usualTtlSeconds: 3600,
    });
    const foreign = [a(60, '203.0.113.66')];
    expect(originOf(name, foreign, cutover({}), false)).toMatchObject({ before: [a(3600, '192.0.2.1')] });
    expect(originOf(name, foreign, cutover({}), true)).toMatchObject({ before: foreign });
    expect(originOf(name, foreign, cutover({ state: 'prepared' }), false)).toMatchObject({ before: foreign });
  });
});

test('times to live only ever become shorter ahead of a move', () => {
  expect(lowered([a(3600, '192.0.2.1')], 60)).toEqual([a(60, '192.0.2.1')]);
  expect(lowered([a(30, '192.0.2.1')], 60)).toEqual([a(30, '192.0.2.1')]);
  const proxied: RecordSet = { ...a(300, '192.0.2.1'), hidden: true };
  expect(lowered([proxied], 60)).toEqual([proxied]);
});
