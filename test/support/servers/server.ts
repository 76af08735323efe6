import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer, connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A program that serves on loopback for the time of a test. */
export interface RunningServer {
  port: number;
  /** What it printed, for the reader of a failure. */
  output(): string;
  stop(): Promise<void>;
}

const tools = fileURLToPath(new URL('../../../.tools/bin', import.meta.url));

/** The program bin/setup brought, else the machine's; undefined where there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [tools, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface ServerOptions {
  env?: Record<string, string>;
  /** Who it runs as; needs root. */
  user?: { uid: number; gid: number } | undefined;
  /** Where it listens; loopback unless the test's own machines are to reach it. */
  address?: string;
  /** A free one, unless it must be this one. */
  port?: number | undefined;
}

/** Starts a program on a free port of loopback and waits until it accepts connections there. */
export async function startServer(
  program: string,
  argumentsFor: (port: number) => string[],
  { env = {}, user, address = '127.0.0.1', port: wanted }: ServerOptions = {},
): Promise<RunningServer> {
  const port = wanted ?? (await freePort());
  const child = spawn(program, argumentsFor(port), {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  await once(child, 'spawn');
  try {
    await untilAccepting(address, port, () => child.exitCode !== null);
  } catch (error) {
    await stop();
    throw new Error(`${program} does not serve: ${output}`, { cause: error });
  }
  return { port, output: () => output, stop };
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function untilAccepting(address: string, port: number, hasEnded: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 600 && !hasEnded(); attempt += 1) {
    const socket = connect(port, address);
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await sleep(50);
  }
  throw new Error(`nobody accepts connections on port ${port}`);
}
