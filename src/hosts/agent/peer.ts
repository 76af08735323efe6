import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { silent, type Emit, type Event } from '../../events.ts';
import { RelocateError } from '../../errors.ts';
import { encodeFrame, FrameReader, type Frame } from './frames.ts';
import { hearError, parseMessage, sayError, type Message } from './messages.ts';

/** A call that the other end makes. What it returns goes back, `body` as bytes. */
export type Handler = (
  params: unknown,
  call: { body: Buffer; signal: AbortSignal },
) => Promise<{ result?: unknown; body?: Uint8Array } | undefined>;

export interface PeerOptions {
  input: Readable;
  output: Writable;
  handlers: Readonly<Record<string, Handler>>;
  /** Where the other end's events go. */
  emit?: Emit;
  /** What calls fail with when the connection has ended. */
  lost: () => Error;
  /** Silence of the other end that counts as its end; 60,000 by default. */
  silenceMs?: number;
}

export interface CallOptions {
  body?: Uint8Array;
  signal?: AbortSignal;
}

interface Waiting {
  resolve: (answer: { result: unknown; body: Buffer }) => void;
  reject: (error: unknown) => void;
}

/** One end of an agent's channel. Both can call the other; any number of calls are under way at once. */
export class Peer {
  readonly #options: PeerOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #working = new Map<number, AbortController>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #pulse: NodeJS.Timeout;
  #nextId = 1;
  #sending: Promise<unknown> = Promise.resolve();
  #heardMs = performance.now();
  #isOver = false;

  constructor(options: PeerOptions) {
    this.#options = options;
    const { input, output, silenceMs = 60_000 } = options;
    const reader = new FrameReader();
    input.on('data', (chunk: Buffer) => {
      this.#heardMs = performance.now();
      try {
        for (const frame of reader.add(chunk)) this.#take(frame);
      } catch (error) {
        this.close(error);
      }
    });
    for (const [stream, event] of [
      [input, 'end'],
      [input, 'close'],
      [input, 'error'],
      [output, 'close'],
      [output, 'error'],
    ] as const)
      stream.on(event, () => this.close());
    this.#pulse = setInterval(() => {
      if (performance.now() - this.#heardMs > silenceMs) this.close();
      else void this.#send({ type: 'ping' });
    }, silenceMs / 4);
  }

  /** Resolves once the connection has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Throws what the handler threw there; the signal's reason on abort; `lost` when the connection ends before. */
  async call(
    method: string,
    params?: unknown,
    { body, signal }: CallOptions = {},
  ): Promise<{ result: unknown; body: Buffer }> {
    signal?.throwIfAborted();
    if (this.#isOver) throw this.#options.lost();
    const id = this.#nextId++;
    const { promise, ...waiting } = Promise.withResolvers<{ result: unknown; body: Buffer }>();
    this.#waiting.set(id, waiting);
    const abort = () => {
      void this.#send({ type: 'abort', id });
      waiting.reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      void this.#send({ type: 'call', id, method, params }, body);
      return await promise;
    } finally {
      this.#waiting.delete(id);
      signal?.removeEventListener('abort', abort);
    }
  }

  tell(event: Event): void {
    void this.#send({ type: 'event', event });
  }

  /** Fails what is waited for, and stops what the other end asked for. */
  close(reason: unknown = this.#options.lost()): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#pulse);
    for (const { reject } of this.#waiting.values()) reject(reason);
    for (const work of this.#working.values()) work.abort(reason);
    this.#options.input.destroy();
    this.#options.output.end();
    this.#ended.resolve();
  }

  #take({ message: said, body }: Frame): void {
    const message = parseMessage(said);
    if (this.#isOver) return;
    if (message === undefined) {
      this.close(
        new RelocateError('host-failed', 'The two ends of the agent’s channel do not fit together.'),
      );
      return;
    }
    if (message.type === 'call') void this.#serve(message, body);
    else if (message.type === 'abort')
      this.#working.get(message.id)?.abort(new RelocateError('interrupted', 'Interrupted.'));
    else if (message.type === 'event') (this.#options.emit ?? silent)(message.event);
    else if (message.type === 'done')
      this.#waiting.get(message.id)?.resolve({ result: message.result, body });
    else if (message.type === 'failed') this.#waiting.get(message.id)?.reject(hearError(message.error));
  }

  async #serve({ id, method, params }: Extract<Message, { type: 'call' }>, body: Buffer): Promise<void> {
    const work = new AbortController();
    this.#working.set(id, work);
    try {
      const handler = this.#options.handlers[method];
      if (handler === undefined)
        throw new RelocateError('internal', `The agent and this program do not fit: ${method} is not known.`);
      const answer = await handler(params, { body, signal: work.signal });
      await this.#send({ type: 'done', id, result: answer?.result }, answer?.body);
    } catch (error) {
      await this.#send({ type: 'failed', id, error: sayError(error) });
    } finally {
      this.#working.delete(id);
    }
  }

  /** One after the other, and no faster than they are taken: memory holds what waits, and nobody sends without end. */
  #send(message: Message, body?: Uint8Array): Promise<unknown> {
    const parts = encodeFrame(message, body);
    this.#sending = this.#sendAfter(this.#sending, parts);
    return this.#sending;
  }

  async #sendAfter(earlier: Promise<unknown>, parts: readonly Uint8Array[]): Promise<void> {
    await earlier;
    for (const part of parts) {
      if (this.#isOver) return;
      if (!this.#options.output.write(part))
        await Promise.race([once(this.#options.output, 'drain').catch(() => {}), this.ended]);
    }
  }
}
