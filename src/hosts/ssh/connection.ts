import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientChannel } from 'ssh2';
import { RelocateError } from '../../errors.ts';
import { silent, type Emit } from '../../events.ts';
import { connectSsh, type SshConnection } from '../../ssh/connect.ts';
import type { SshAsked } from '../../ssh/settings.ts';
import { connectionLost, hostError, hostFailures, mayPass } from './trouble.ts';

export interface HostConnectionOptions {
  /** For messages. */
  name: string;
  emit?: Emit;
  /** How long a host that does not answer is asked again; 60,000 by default. One that was just made needs more. */
  patienceMs?: number;
  /** How long a machine that boots may show another key: its own from the image, until cloud-init has put ours there. Default: 0. */
  keySettlesMs?: number;
  /** For one attempt; 20,000 by default. */
  readyTimeoutMs?: number;
  /** How often an idle connection is asked whether it lives; 10,000 by default. Three times without an answer end it. */
  keepaliveMs?: number;
}

/** OpenSSH takes ten at once by default (`MaxSessions`); who comes later waits here. */
const maxChannels = 8;
const firstDelayMs = 250;
const maxDelayMs = 5_000;

/**
 * One SSH connection with many channels, made when it is first needed, and anew when it was lost: what ran in its
 * channels has then failed, and whoever asks next gets a new one. A host key that differs is not tried again, but for
 * a machine that boots (`keySettlesMs`); nor are keys that the host refuses.
 */
export class HostConnection {
  readonly #asked: SshAsked;
  readonly #options: HostConnectionOptions;
  readonly #waiting: (() => void)[] = [];
  #connecting: Promise<SshConnection> | undefined;
  #channels = 0;
  #hasConnected = false;
  #isClosed = false;

  constructor(asked: SshAsked, options: HostConnectionOptions) {
    this.#asked = asked;
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Starts a command line in a channel of its own. Throws `host-failed`, `host-key-differs`, and the signal's reason. */
  async exec(commandLine: string, signal?: AbortSignal): Promise<ClientChannel> {
    await this.#place();
    try {
      const channel = await this.#open(commandLine, signal);
      channel.once('close', () => this.#free());
      return channel;
    } catch (error) {
      this.#free();
      signal?.throwIfAborted();
      throw hostError(this.name, error);
    }
  }

  /** Ends the connection, and all that runs in it. It is not made again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const connecting = this.#connecting;
    this.#connecting = undefined;
    (await connecting?.catch(() => undefined))?.end();
  }

  /** A connection may have ended before anybody noticed; then one that is new is asked. */
  async #open(commandLine: string, signal: AbortSignal | undefined): Promise<ClientChannel> {
    for (let attempt = 1; ; attempt += 1) {
      const { client } = await this.#connected(signal);
      try {
        return await new Promise<ClientChannel>((resolve, reject) => {
          const lost = () => reject(connectionLost(this.name));
          client.once('close', lost);
          client.exec(commandLine, (error, channel) => {
            client.off('close', lost);
            if (error === undefined) resolve(channel);
            else reject(error);
          });
        });
      } catch (error) {
        // ssh2's words for a connection of which it has heard the end, and we have not yet.
        const isGone = error instanceof Error && error.message === 'Not connected';
        if (attempt === 3 || this.#isClosed || (this.#connecting !== undefined && !isGone)) throw error;
        if (isGone) this.#connecting = undefined;
      }
    }
  }

  async #connected(signal: AbortSignal | undefined): Promise<SshConnection> {
    if (this.#isClosed) throw connectionLost(this.name);
    // Whoever comes first connects for all, so that one who gives up does not end it for the others.
    const connecting = (this.#connecting ??= this.#connect());
    return signal === undefined ? connecting : abortable(connecting, signal);
  }

  async #connect(): Promise<SshConnection> {
    const {
      emit = silent,
      patienceMs = 60_000,
      keySettlesMs = 0,
      readyTimeoutMs = 20_000,
      keepaliveMs = 10_000,
    } = this.#options;
    const deadline = Date.now() + patienceMs;
    const isAgain = this.#hasConnected;
    const settledAtMs = isAgain ? 0 : Date.now() + keySettlesMs;
    if (isAgain) {
      const message = `The connection to ${this.name} was lost. Connecting again.`;
      emit({ type: 'warning', code: 'connection-lost', message });
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        const options = { failures: hostFailures, readyTimeoutMs, keepaliveMs };
        const connection = await connectSsh(this.#asked, options);
        this.#watch(connection);
        if (isAgain) emit({ type: 'note', message: `${this.name} answers again.` });
        return connection;
      } catch (error) {
        const delayMs = Math.min(firstDelayMs * 2 ** (attempt - 1), maxDelayMs);
        // Nothing was sent to it.
        const isSettling =
          error instanceof RelocateError && error.code === hostFailures.hostKey && Date.now() < settledAtMs;
        if (!(mayPass(error) || isSettling) || this.#isClosed || Date.now() + delayMs > deadline) {
          this.#connecting = undefined;
          throw error;
        }
        emit({ type: 'detail', message: `${this.name} does not answer yet (attempt ${attempt})` });
        await sleep(delayMs);
      }
    }
  }

  #watch(connection: SshConnection): void {
    this.#hasConnected = true;
    connection.client.once('close', () => {
      this.#connecting = undefined;
      connection.end();
    });
    if (this.#isClosed) connection.end();
  }

  async #place(): Promise<void> {
    if (this.#channels >= maxChannels) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#channels += 1;
  }

  #free(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#channels -= 1;
    else next();
  }
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
