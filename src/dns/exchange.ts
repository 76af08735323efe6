import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { RelocateError, systemCodeOf } from '../errors.ts';
import type { ServerAddress } from './names.ts';
import { bits, decodeMessage, type Message, uint16 } from './wire.ts';

/** One question to one server, and its answer. The server's host is an address. */

export function randomId(): number {
  return randomInt(0x1_0000);
}

const udpTimeoutsMs = [700, 1_500, 3_000];
const tcpTimeoutMs = 8_000;
const largestMessage = 65_535;

/** Over UDP, tried three times; over TCP where the answer does not fit. Throws `dns-failed` where none comes. */
export async function exchange(
  server: ServerAddress,
  bytes: Buffer,
  options: { signal: AbortSignal; timeoutsMs?: readonly number[] },
): Promise<Message> {
  const { signal, timeoutsMs = udpTimeoutsMs } = options;
  let failure: unknown;
  for (const timeoutMs of timeoutsMs) {
    signal.throwIfAborted();
    try {
      const answer = await overUdp(server, bytes, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      if ((answer.flags & bits.truncated) === 0) return answer;
      return decodeMessage(await exchangeOverTcp(server, bytes, { signal }));
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw noAnswer(server, failure);
}

function overUdp(server: ServerAddress, bytes: Buffer, signal: AbortSignal): Promise<Message> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', abort);
      socket.removeAllListeners().on('error', () => {});
      socket.close();
      settle();
    };
    const abort = () => end(() => reject(new Error('no answer in time')));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', (error) => end(() => reject(error)));
    socket.on('message', (answer) => {
      // Whatever is no answer to this very question may be anybody's.
      const message = isAnswerTo(answer, bytes) ? tryDecode(answer) : undefined;
      if (message !== undefined) end(() => resolve(message));
    });
    // A connected socket takes datagrams from that server alone.
    socket.connect(server.port, server.host, () => socket.send(bytes));
  });
}

function isAnswerTo(answer: Buffer, question: Buffer): boolean {
  return (
    answer.length >= 12 &&
    answer.readUInt16BE(0) === question.readUInt16BE(0) &&
    (answer.readUInt16BE(2) & bits.response) !== 0
  );
}

function tryDecode(bytes: Buffer): Message | undefined {
  try {
    return decodeMessage(bytes);
  } catch {
    return undefined;
  }
}

/** The answer as it came, for those who check its signature. */
export function exchangeOverTcp(
  server: ServerAddress,
  bytes: Buffer,
  { signal, timeoutMs = tcpTimeoutMs }: { signal: AbortSignal; timeoutMs?: number },
): Promise<Buffer> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.host, port: server.port });
    const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), timeoutMs);
    const abort = () => socket.destroy();
    signal.addEventListener('abort', abort, { once: true });
    let received = Buffer.alloc(0);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.removeAllListeners().on('error', () => {});
      socket.destroy();
      settle();
    };
    const fail = (error?: Error) => end(() => reject(noAnswer(server, error)));
    socket.once('error', fail).once('close', () => fail());
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 2 ? Infinity : received.readUInt16BE(0);
      if (received.length < 2 + length) return;
      const answer = received.subarray(2, 2 + length);
      if (isAnswerTo(answer, bytes)) end(() => resolve(answer));
      else fail();
    });
    socket.once('connect', () => socket.write(Buffer.concat([uint16(bytes.length), bytes])));
    if (bytes.length > largestMessage) fail();
  });
}

export function noAnswer({ host, port }: ServerAddress, cause?: unknown): RelocateError {
  return new RelocateError('dns-failed', `The name server ${host}, port ${port}, does not answer.`, {
    facts: { server: host, port, reason: systemCodeOf(cause) },
    hint: 'Look whether this machine may reach it, then run the same command again; it goes on where it stopped.',
    retryable: true,
    cause,
  });
}
