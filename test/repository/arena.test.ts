import { expect, test } from '@jest/globals';
import { Arena, type Slot } from '../../src/repository/arena.ts';
import { seeded } from '../support/random.ts';

const isSettled = async (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([work.then(() => true), new Promise((resolve) => setImmediate(() => resolve(false)))]).then(
    Boolean,
  );

test('what is lent at once never overlaps, whatever is taken and given back', async () => {
  const arena = new Arena(10_000);
  const random = seeded(7);
  const lent = new Map<Slot, number>();
  for (let turn = 0; turn < 2_000; turn += 1) {
    const number = turn % 251;
    const taken = arena.take(1 + (random.bytes(2).readUInt16LE() % 3_000));
    while (!(await isSettled(taken))) {
      const [first] = lent.keys();
      if (first === undefined) throw new Error('an empty arena keeps somebody waiting');
      expect(first.bytes.every((byte) => byte === lent.get(first))).toBe(true);
      lent.delete(first);
      first.release();
    }
    const slot = await taken;
    slot.bytes.fill(number);
    lent.set(slot, number);
  }
  expect([...lent].every(([{ bytes }, number]) => bytes.every((byte) => byte === number))).toBe(true);
});

test('who wants much is not passed by those who want little', async () => {
  const arena = new Arena(1_000);
  const first = await arena.take(600);
  const large = arena.take(900);
  const small = arena.take(10);
  expect(await isSettled(small)).toBe(false);
  first.release();
  expect((await large).bytes).toHaveLength(900);
  expect((await small).bytes).toHaveLength(10);
});

test('more than there is at all is lent alone', async () => {
  const arena = new Arena(1_000);
  const first = await arena.take(1);
  const huge = arena.take(5_000);
  expect(await isSettled(huge)).toBe(false);
  first.release();
  const slot = await huge;
  expect(slot.bytes).toHaveLength(5_000);
  const next = arena.take(1);
  expect(await isSettled(next)).toBe(false);
  slot.release();
  await next;
});
