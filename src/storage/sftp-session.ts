import type * as Ssh2 from 'ssh2';
import * as z from 'zod';
import type { SftpPlace } from './sftp-place.ts';
import { connectSsh, lost, timedOut, type SshConnection } from '../ssh/connect.ts';
import type { FileRange, Traffic } from './storage.ts';

/** Requests on their way for one file: with 128 KiB each, enough for 100 MB/s at 80 ms. */
const maxInFlight = 64;
const pieceBytes = 128 * 1024;
/** Of silence while an answer is waited for. */
const idleTimeoutMs = 120_000;

const failures = { hostKey: 'storage-failed', connection: 'storage-failed' } as const;

/** Of what ssh2 gives for statvfs@openssh.com. */
const fileSystem = z.object({ f_bavail: z.number(), f_frsize: z.number() });

export type Attributes = Pick<Ssh2.Attributes, 'size' | 'mode'>;

/** Everything that is asked of one SFTP connection. When it ends, whatever is still asked fails with `ECONNRESET`. */
export class SftpSession {
  readonly #connection: SshConnection;
  readonly #sftp: Ssh2.SFTPWrapper;
  readonly #waiting = new Set<(reason: Error) => void>();
  readonly #traffic: Traffic | undefined;
  readonly #watch: NodeJS.Timeout;
  #isOpen = true;
  #heard = { bytes: 0, atMs: 0 };

  private constructor(connection: SshConnection, sftp: Ssh2.SFTPWrapper, traffic: Traffic | undefined) {
    this.#connection = connection;
    this.#sftp = sftp;
    this.#traffic = traffic;
    for (const source of [connection.client, sftp]) {
      source.once('close', () => this.#ended());
      source.once('end', () => this.#ended());
    }
    // A connection on which nobody waits for anything is no reason for the process to stay.
    connection.socket.unref();
    this.#watch = setInterval(() => this.#look(), idleTimeoutMs / 4).unref();
  }

  static async open(place: SftpPlace, traffic: Traffic | undefined): Promise<SftpSession> {
    const connection = await connectSsh(place, { failures });
    try {
      const sftp = await new Promise<Ssh2.SFTPWrapper>((resolve, reject) => {
        connection.client.once('close', () => reject(lost()));
        connection.client.sftp((error, opened) => (error ? reject(error) : resolve(opened)));
      });
      return new SftpSession(connection, sftp, traffic);
    } catch (error) {
      connection.end();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  close(): void {
    this.#ended();
    this.#connection.end();
  }

  /** Writes a file that is not there yet, and has the server put it on its disk. */
  async create(path: string, mode: number, content: Buffer): Promise<void> {
    const handle = await this.#ask<Buffer>((done) => this.#sftp.open(path, 'wx', { mode }, done));
    // A server takes what concerns one file in the order it was sent, so nothing here waits for the answer before.
    const flight = new Flight();
    try {
      const step = this.#traffic?.pieceBytes ?? pieceBytes;
      for (let at = 0; at < content.length; at += step) {
        const length = Math.min(step, content.length - at);
        await this.#traffic?.upload?.(length);
        await flight.add(this.#do((done) => this.#sftp.write(handle, content, at, length, at, done)));
      }
      await flight.add(this.#syncIfOffered(handle));
    } finally {
      await flight.add(this.#do((done) => this.#sftp.close(handle, done)));
      await flight.landed();
    }
  }

  /** Exactly `range`, or all there is; fewer bytes where the file ends before. */
  async read(path: string, range?: FileRange): Promise<Buffer> {
    const handle = await this.#ask<Buffer>((done) => this.#sftp.open(path, 'r', done));
    const flight = new Flight();
    try {
      const { size } = await this.#ask<Attributes>((done) => this.#sftp.fstat(handle, done));
      const offset = range?.offset ?? 0;
      const length = Math.max(0, Math.min(range?.length ?? size, size - offset));
      const bytes = range?.into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length);
      const step = this.#traffic?.pieceBytes ?? pieceBytes;
      for (let at = 0; at < length; at += step) {
        const piece = bytes.subarray(at, at + step);
        await this.#traffic?.download?.(piece.length);
        await flight.add(this.#fill(handle, piece, offset + at));
      }
      await flight.landed();
      return bytes;
    } finally {
      await flight.add(this.#do((done) => this.#sftp.close(handle, done))).catch(() => {});
      await flight.landed().catch(() => {});
    }
  }

  /** Puts a file at another place at once, where the server can; a file that is there is replaced. */
  async replace(from: string, to: string): Promise<void> {
    const atOnce = this.#do((done) => this.#sftp.ext_openssh_rename(from, to, done));
    await atOnce.catch(async (error: unknown) => {
      if (!isNotOffered(error)) throw error;
      await this.#do((done) => this.#sftp.rename(from, to, done)).catch(async (cause: unknown) => {
        // The plain way refuses where a file is. Then what is there has to go first.
        if (!isFailure(cause)) throw cause;
        await this.remove(to);
        await this.#do((done) => this.#sftp.rename(from, to, done));
      });
    });
  }

  stat(path: string): Promise<Attributes> {
    return this.#ask((done) => this.#sftp.stat(path, done));
  }

  entries(path: string): Promise<{ filename: string; attrs: Attributes }[]> {
    return this.#ask((done) => this.#sftp.readdir(path, done));
  }

  makeFolder(path: string, mode: number): Promise<void> {
    return this.#do((done) => this.#sftp.mkdir(path, { mode }, done));
  }

  remove(path: string): Promise<void> {
    return this.#do((done) => this.#sftp.unlink(path, done));
  }

  /** Bytes that may still be written there; undefined where the server does not say. */
  async freeBytes(path: string): Promise<number | undefined> {
    const answer = await this.#ask<unknown>((done) => this.#sftp.ext_openssh_statvfs(path, done)).catch(
      () => undefined,
    );
    const found = fileSystem.safeParse(answer);
    return found.success ? found.data.f_bavail * found.data.f_frsize : undefined;
  }

  async #syncIfOffered(handle: Buffer): Promise<void> {
    await this.#do((done) => this.#sftp.ext_openssh_fsync(handle, done)).catch((error: unknown) => {
      if (!isNotOffered(error)) throw error;
    });
  }

  /** A server may send less than was asked for, and does so with large pieces. */
  async #fill(handle: Buffer, piece: Buffer, position: number): Promise<void> {
    for (let done = 0; done < piece.length;) {
      const rest = piece.length - done;
      const got = await this.#ask<number>((answer) =>
        this.#sftp.read(handle, piece, done, rest, position + done, answer),
      );
      if (got === 0) throw new Error('The file became shorter while it was read.');
      done += got;
    }
  }

  #do(send: (done: (error?: Error | null) => void) => void): Promise<void> {
    return this.#ask<void>((done) => send((error) => done(error, undefined)));
  }

  #ask<T>(send: (done: (error: Error | null | undefined, value: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.#isOpen) {
        reject(lost());
        return;
      }
      this.#waits(reject);
      try {
        send((error, value) => {
          this.#answered(reject);
          if (error === undefined || error === null) resolve(value);
          else reject(error);
        });
      } catch (error) {
        this.#answered(reject);
        reject(error);
      }
    });
  }

  #waits(reject: (reason: Error) => void): void {
    if (this.#waiting.size === 0) {
      this.#connection.socket.ref();
      this.#heard = { bytes: this.#connection.socket.bytesRead, atMs: performance.now() };
    }
    this.#waiting.add(reject);
  }

  #answered(reject: (reason: Error) => void): void {
    this.#waiting.delete(reject);
    if (this.#waiting.size === 0) this.#connection.socket.unref();
  }

  /** A server that went away without a word leaves a connection that looks like one on which nothing happens. */
  #look(): void {
    const bytes = this.#connection.socket.bytesRead;
    const nowMs = performance.now();
    if (bytes !== this.#heard.bytes) this.#heard = { bytes, atMs: nowMs };
    else if (this.#waiting.size > 0 && nowMs - this.#heard.atMs > idleTimeoutMs) {
      this.#ended(timedOut());
      this.#connection.socket.destroy();
    }
  }

  #ended(reason = lost()): void {
    this.#isOpen = false;
    clearInterval(this.#watch);
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
  }
}

/** What is on its way: never more than so much of it, and the first that fails is what it fails with. */
class Flight {
  readonly #flying = new Set<Promise<void>>();
  #failure: { reason: unknown } | undefined;

  async add(sent: Promise<unknown>): Promise<void> {
    const flying = this.#watch(sent).finally(() => this.#flying.delete(flying));
    this.#flying.add(flying);
    if (this.#flying.size >= maxInFlight) await Promise.race(this.#flying);
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  async #watch(sent: Promise<unknown>): Promise<void> {
    try {
      await sent;
    } catch (reason) {
      this.#failure ??= { reason };
    }
  }

  async landed(): Promise<void> {
    await Promise.all(this.#flying);
    if (this.#failure !== undefined) throw this.#failure.reason;
  }
}

/** Of ssh2, which asks for nothing that the server did not announce, or of the server itself. */
function isNotOffered(error: unknown): boolean {
  return (
    error instanceof Error &&
    (/does not support this extended request/i.test(error.message) || codeOf(error) === 8)
  );
}

function isFailure(error: unknown): boolean {
  return codeOf(error) === 4;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
