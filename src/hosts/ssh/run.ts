import { constants } from 'node:os';
import type { ClientChannel } from 'ssh2';
import type { RunOptions, RunResult } from '../host.ts';
import { followProgram } from '../program-io.ts';
import type { HostConnection } from './connection.ts';
import { commandOverStdin, killCommand } from './script.ts';
import { connectionLost } from './trouble.ts';

/**
 * As `runLocally`, on the host at the other end. A connection that is lost while the program runs is an error
 * (`host-failed`, retryable): nobody knows what the program did, so it is not run again here.
 */
export async function runOverSsh(
  connection: HostConnection,
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const { channel, ended, kill } = await startOverSsh(connection, command, options);
  try {
    const streams = { stdin: channel, stdout: channel, stderr: channel.stderr };
    const { end, isLate, stdout, stderr } = await followProgram({ ...streams, ended, kill }, options);
    if (isLate) return { exitCode: 124, stdout, stderr };
    if (end === undefined) throw connectionLost(connection.name);
    return { exitCode: end, stdout, stderr };
  } finally {
    channel.destroy();
  }
}

export interface StartedProgram {
  /** Its standard input and output. */
  channel: ClientChannel;
  /** Its exit code; undefined where the connection was lost before. */
  ended: Promise<number | undefined>;
  /** Ends it with its children; the channel closes. */
  kill: () => void;
}

/** Starts a program. The caller reads and ends it. */
export async function startOverSsh(
  connection: HostConnection,
  command: readonly string[],
  options: Pick<RunOptions, 'cwd' | 'environment' | 'signal'> = {},
): Promise<StartedProgram> {
  const { commandLine, script } = commandOverStdin(command, options);
  const channel = await connection.exec(commandLine, options.signal);
  channel.on('error', () => {});
  const ended = exitOf(channel);
  channel.write(script);
  const pid = Number(await firstLine(channel));
  if (!Number.isInteger(pid) || pid <= 1) {
    channel.destroy();
    throw connectionLost(connection.name);
  }
  return {
    channel,
    ended,
    kill: () => {
      channel.close();
      void connection.exec(killCommand(pid)).then(
        (killing) => killing.on('error', () => {}).resume(),
        () => {},
      );
    },
  };
}

/** Empty where the channel closes before; what comes after the line is left in the channel. */
function firstLine(channel: ClientChannel): Promise<string> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const look = () => {
      for (let chunk: unknown = channel.read(); Buffer.isBuffer(chunk); chunk = channel.read()) {
        read = Buffer.concat([read, chunk]);
        const at = read.indexOf('\n');
        if (at < 0) continue;
        channel.off('readable', look);
        channel.off('close', close);
        if (at + 1 < read.length) channel.unshift(read.subarray(at + 1));
        resolve(read.subarray(0, at).toString());
        return;
      }
    };
    const close = () => resolve('');
    channel.on('readable', look).once('close', close);
    look();
  });
}

/** Undefined where the connection ended before the program did, or nobody said how it ended. */
function exitOf(channel: ClientChannel): Promise<number | undefined> {
  return new Promise((resolve) => {
    channel.once('exit', (code: number | null, signal?: string) =>
      resolve(code ?? 128 + numberOf(signal ?? 'SIGKILL')),
    );
    channel.once('close', () => resolve(undefined));
  });
}

function numberOf(signal: string): number {
  const name = signal.startsWith('SIG') ? signal : `SIG${signal}`;
  return new Map<string, number>(Object.entries(constants.signals)).get(name) ?? 9;
}
