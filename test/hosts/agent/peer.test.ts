import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from '@jest/globals';
import { RelocateError } from '../../../src/errors.ts';
import type { Event } from '../../../src/events.ts';
import { encodeFrame, FrameReader } from '../../../src/hosts/agent/frames.ts';
import { Peer, type Handler } from '../../../src/hosts/agent/peer.ts';
import { quieter } from '../../../src/hosts/agent/quieter.ts';

const open: Peer[] = [];
afterEach(() => open.splice(0).forEach((peer) => peer.close()));

const lost = () => new RelocateError('host-failed', 'lost');

function pair(
  handlers: Record<string, Handler>,
  emit?: (event: Event) => void,
): { near: Peer; far: Peer; cut: () => void } {
  const [up, down] = [new PassThrough(), new PassThrough()];
  const far = new Peer({ input: up, output: down, handlers, lost });
  const near = new Peer({ input: down, output: up, handlers: {}, lost, ...(emit ? { emit } : {}) });
  open.push(near, far);
  return { near, far, cut: () => down.destroy() };
}

test('frames cut anywhere come out as they went in', () => {
  const frames = [
    { message: { a: 'ü' }, body: Buffer.from('bytes\0') },
    { message: 1, body: Buffer.alloc(0) },
    { message: [], body: Buffer.alloc(70_000, 7) },
  ];
  const bytes = Buffer.concat(frames.flatMap(({ message, body }) => encodeFrame(message, body)));
  for (const step of [1, 7, 4096, bytes.length]) {
    const reader = new FrameReader();
    const read: unknown[] = [];
    for (let at = 0; at < bytes.length; at += step) read.push(...reader.add(bytes.subarray(at, at + step)));
    expect(read).toEqual(frames);
  }
});

test('what a shell prints before the agent speaks is found out at once, and costs no memory', () => {
  const reader = new FrameReader();
  const heard = () => [...reader.add(Buffer.from('Welcome to this machine!\n'))];
  expect(heard).toThrow(/not what relocate’s agent says/);
});

test('many calls at once get each its own answer, with its bytes', async () => {
  const { near } = pair({
    double: async (params, { body }) => ({ result: Number(params) * 2, body: Buffer.concat([body, body]) }),
  });
  const numbers = Array.from({ length: 200 }, (_, at) => at);
  const answers = await Promise.all(
    numbers.map((number) => near.call('double', number, { body: Buffer.alloc(1000, number) })),
  );
  expect(answers.map(({ result }) => result)).toEqual(numbers.map((number) => number * 2));
  expect(answers.every(({ body }, at) => body.equals(Buffer.alloc(2000, at)))).toBe(true);
});

test('an answer of nothing is an answer', async () => {
  const { near } = pair({ nothing: async () => undefined });
  expect((await near.call('nothing')).result).toBeUndefined();
});

test('an error there is the same error here: code, facts, hint', async () => {
  const { near } = pair({
    fail: async () => {
      throw new RelocateError('disk-full', 'full', { facts: { freeBytes: 0 }, hint: 'make room' });
    },
  });
  await expect(near.call('fail')).rejects.toMatchObject({
    code: 'disk-full',
    message: 'full',
    facts: { freeBytes: 0 },
    hint: 'make room',
  });
  await expect(near.call('unheard of')).rejects.toMatchObject({ code: 'internal' });
});

test('an abort reaches the work there, and throws the reason here', async () => {
  const stopped = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { near } = pair({
    wait: (_params, { signal }) =>
      new Promise((_resolve, reject) => {
        begun.resolve();
        signal.addEventListener('abort', () => {
          stopped.resolve();
          reject(new Error('stopped'));
        });
      }),
  });
  const stop = new AbortController();
  const call = near.call('wait', undefined, { signal: stop.signal });
  await begun.promise;
  stop.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
  await stopped.promise;
});

test('when the connection ends, calls fail as lost, and the work there is stopped', async () => {
  const begun = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const { near, far, cut } = pair({
    wait: async (_params, { signal }) => {
      begun.resolve();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      stopped.resolve();
      return undefined;
    },
  });
  const call = near.call('wait');
  await begun.promise;
  cut();
  await expect(call).rejects.toMatchObject({ code: 'host-failed' });
  await near.ended;
  await far.ended;
  await stopped.promise;
  await expect(near.call('wait')).rejects.toMatchObject({ code: 'host-failed' });
});

test('silence of the other end is its end', async () => {
  const silent = new Peer({
    input: new PassThrough(),
    output: new PassThrough().resume(),
    handlers: {},
    lost,
    silenceMs: 100,
  });
  open.push(silent);
  await expect(silent.call('anything')).rejects.toMatchObject({ code: 'host-failed' });
});

test('progress that follows quickly is told once, the last of it, and before what comes after', () => {
  const told: Event[] = [];
  const { emit, flush } = quieter((event) => told.push(event));
  for (let doneBytes = 1; doneBytes <= 1000; doneBytes += 1)
    emit({ type: 'progress', phase: 'restore', item: 'db', doneBytes });
  emit({ type: 'note', message: 'done' });
  flush();
  expect(told).toEqual([
    { type: 'progress', phase: 'restore', item: 'db', doneBytes: 1000 },
    { type: 'note', message: 'done' },
  ]);
});
