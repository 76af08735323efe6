import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Machine } from '../../bench/machine.ts';
import { freshSurroundings, measure } from '../../bench/measure.ts';

let folder: string;
beforeEach(async () => {
  folder = await freshSurroundings(await mkdtemp(join(tmpdir(), 'relocate-bench-measure-')));
});
afterEach(() => rm(folder, { recursive: true }));

const node = (program: string) => ({ program: process.execPath, args: ['-e', program] });

describe('a measured command', () => {
  test('is told its CPU time and its peak of memory, a child’s included', async () => {
    const work =
      'const held = Buffer.alloc(150 << 20, 1); const end = process.cpuUsage().user + 300_000; while (process.cpuUsage().user < end);';
    const parent = `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(work)}])`;
    const { cpuMs, wallMs, peakBytes } = await measure(node(parent), folder);
    expect(cpuMs).toBeGreaterThanOrEqual(290);
    expect(wallMs).toBeGreaterThanOrEqual(290);
    expect(peakBytes / 1024 ** 2).toBeGreaterThan(150);
    expect(peakBytes / 1024 ** 2).toBeLessThan(400);
  });

  test('is not charged for what was measured before it', async () => {
    await measure(
      node('const end = process.cpuUsage().user + 500_000; while (process.cpuUsage().user < end);'),
      folder,
    );
    expect((await measure({ program: 'true', args: [] }, folder)).cpuMs).toBeLessThan(200);
  });

  test('that fails is no result', async () => {
    await expect(measure(node('console.error("it broke"); process.exit(3)'), folder)).rejects.toThrow(
      /ended with 3[^]*it broke/,
    );
  });
});

test('the machine is kept until it is released, and no longer', async () => {
  const lock = join(folder, 'lock');
  const isFree = async () => {
    const [code] = (await once(spawn('flock', ['--nonblock', lock, 'true']), 'close')) as [number];
    return code === 0;
  };
  const machine = new Machine(['flock', lock]);
  await machine.hold();
  expect(await isFree()).toBe(false);
  await machine.release({ afterMs: 60_000 });
  expect(await isFree()).toBe(false);
  await machine.release();
  expect(await isFree()).toBe(true);
});

describe('the network far away', () => {
  const oneWayMs = 15;
  let port: number;
  let stop: () => Promise<void>;
  beforeEach(async () => {
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const program = new URL('../../bench/latency.ts', import.meta.url).pathname;
    const { port: target } = echo.address() as AddressInfo;
    const child = spawn(process.execPath, [program, '127.0.0.1', String(target), String(oneWayMs)]);
    const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    port = Number(line);
    stop = async () => {
      child.kill();
      echo.close();
      await once(child, 'close');
    };
  });
  afterEach(() => stop());

  async function roundTripMs(socket: Socket): Promise<number> {
    const startedAt = performance.now();
    socket.write('?');
    await once(socket, 'data');
    return performance.now() - startedAt;
  }

  test('every question takes a round trip, the first one of a connection two', async () => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    expect(await roundTripMs(socket)).toBeGreaterThanOrEqual(4 * oneWayMs - 3);
    const times: number[] = [];
    for (let at = 0; at < 5; at += 1) times.push(await roundTripMs(socket));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(2 * oneWayMs - 2);
    expect(Math.min(...times)).toBeLessThan(2 * oneWayMs + 15);
    socket.destroy();
  });

  test('much is on its way at once, unchanged and in order', async () => {
    const sent = Buffer.from(Uint32Array.from({ length: 8 << 20 }, (_, at) => at).buffer);
    const socket = connect({ host: '127.0.0.1', port });
    const startedAt = performance.now();
    socket.end(sent);
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
    // 32 MiB through a window of 64 KiB each 30 ms would be 15 s.
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
