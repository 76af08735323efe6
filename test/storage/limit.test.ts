import { describe, expect, test } from '@jest/globals';
import { limitTraffic, type LimitClock } from '../../src/storage/limit.ts';
import { pacedBody, readExactly } from '../../src/storage/storage-traffic.ts';

/** Time that passes only while somebody sleeps; many may sleep at once. */
function fakeClock(): LimitClock & { advance(ms: number): void } {
  let nowMs = 1_000_000;
  return {
    nowMs: () => nowMs,
    async sleep(delayMs) {
      const until = nowMs + delayMs;
      await Promise.resolve();
      nowMs = Math.max(nowMs, until);
    },
    advance: (ms) => (nowMs += ms),
  };
}

const kib = 1024;

describe('a limit', () => {
  test('without a rate is none, so that nothing is slower', () => {
    expect(limitTraffic({})).toBeUndefined();
  });

  test.each([10 * kib, 1024 * kib, 100 * 1024 * kib])(
    'of %d bytes a second lets so many through, whoever they are for',
    async (rate) => {
      const clock = fakeClock();
      const begunMs = clock.nowMs();
      const traffic = limitTraffic({ uploadBytesPerSecond: rate }, clock);
      const total = rate * 20;
      const one = async () => {
        for (let sent = 0; sent < total / 4; sent += traffic?.pieceBytes ?? 1)
          await traffic?.upload?.(traffic.pieceBytes);
      };
      await Promise.all([one(), one(), one(), one()]);
      const seconds = (clock.nowMs() - begunMs) / 1000;
      expect(seconds).toBeGreaterThan(19.5);
      expect(seconds).toBeLessThan(20.5);
    },
  );

  test('counts each direction for itself, and holds only the one that has a rate', async () => {
    const clock = fakeClock();
    const traffic = limitTraffic({ downloadBytesPerSecond: kib }, clock);
    expect(traffic?.upload).toBeUndefined();
    const begunMs = clock.nowMs();
    await traffic?.download?.(10 * kib);
    expect(clock.nowMs() - begunMs).toBeGreaterThan(9_000);
  });

  test('does not let a pause be made up for by a flood', async () => {
    const clock = fakeClock();
    const traffic = limitTraffic({ uploadBytesPerSecond: 100 * kib }, clock);
    await traffic?.upload?.(kib);
    clock.advance(3_600_000);
    const begunMs = clock.nowMs();
    for (let sent = 0; sent < 100; sent += 1) await traffic?.upload?.(kib);
    expect(clock.nowMs() - begunMs).toBeGreaterThan(700);
  });

  test.each([
    [kib, 512],
    [1024 * kib, 64 * kib],
    [1024 * 1024 * kib, 64 * kib],
  ])('of %d bytes a second goes in pieces of %d', (rate, pieceBytes) => {
    expect(limitTraffic({ uploadBytesPerSecond: rate })?.pieceBytes).toBe(pieceBytes);
  });
});

describe('a body', () => {
  test('is sent in pieces, none before it may go, and comes whole and in order', async () => {
    const asked: number[] = [];
    const parts = [Buffer.alloc(2_500, 'a'), Buffer.alloc(0), Buffer.alloc(700, 'b')];
    const body = pacedBody(parts, {
      pieceBytes: 1000,
      upload: async (bytes) => {
        asked.push(bytes);
      },
    });
    expect(await readExactly(body, 3_200)).toEqual(Buffer.concat(parts));
    expect(asked).toEqual([1000, 1000, 500, 700]);
  });

  test.each([
    [3, 'too early'],
    [1, 'more than it announced'],
  ])('of two bytes where %d were announced is refused', async (announced, said) => {
    const body = pacedBody([Buffer.from('xy')], { pieceBytes: 1 });
    await expect(readExactly(body, announced)).rejects.toMatchObject({
      code: 'ECONNRESET',
      cause: { message: expect.stringContaining(said) },
    });
  });

  test('is read into the memory that was given', async () => {
    const into = Buffer.alloc(10);
    const got = await readExactly(pacedBody([Buffer.from('xy')], { pieceBytes: 5 }), 2, { into });
    expect([got.buffer === into.buffer, got.toString()]).toEqual([true, 'xy']);
  });
});
