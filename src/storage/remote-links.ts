import { z } from 'zod';
import type { Emit } from '../events.ts';
import type { AskStorage } from './remote.ts';
import type { StorageFile } from './storage.ts';

/** Of silence. */
const idleTimeoutMs = 30_000;
/** After so many failures, one behind the other, the host goes the long way for a while: one that swallows costs time. */
const maxFailures = 3;
const pauseMs = 60_000;
/** Well before they are worth nothing. */
const renewedAfterMs = 20 * 60_000;

const linkSchema = z.union([z.url({ protocol: /^https?$/ }), z.null()]);

/**
 * The short way for a repository's data: from where it is stored to this host, by links that whoever asked for the work
 * makes (for one file each, to read, for an hour). Everything that is read is compared with its digest by the repository.
 */
export class RemoteLinks {
  readonly #url: string;
  readonly #ask: AskStorage;
  readonly #emit: Emit;
  readonly #links = new Map<string, { asked: Promise<string | null>; atMs: number }>();
  #failures = 0;
  #offUntilMs = 0;
  #hasWorked = false;
  #isTold = false;

  constructor(url: string, ask: AskStorage, emit: Emit) {
    this.#url = url;
    this.#ask = ask;
    this.#emit = emit;
  }

  /** Fills `whole` with what lies at the offset. False where it has to come another way; `whole` may be written to then. */
  async read(file: StorageFile, offset: number, whole: Buffer): Promise<boolean> {
    // The others are small: their link would cost as much as they do.
    if (file.type !== 'pack' || whole.length === 0 || Date.now() < this.#offUntilMs) return false;
    const link = await this.#linkTo(file);
    if (link === null) {
      this.#offUntilMs = Infinity;
      return false;
    }
    try {
      await fetchRange(link, offset, whole);
      this.#worked();
      return true;
    } catch (cause) {
      this.#links.delete(file.name);
      this.#failed(cause);
      return false;
    }
  }

  #linkTo(file: StorageFile): Promise<string | null> {
    const known = this.#links.get(file.name);
    const atMs = Date.now();
    if (known !== undefined && atMs - known.atMs < renewedAfterMs) return known.asked;
    const asked = this.#ask('link', { file }).then(({ result }) => linkSchema.parse(result));
    this.#links.set(file.name, { asked, atMs });
    return asked;
  }

  #worked(): void {
    this.#failures = 0;
    if (this.#hasWorked) return;
    this.#hasWorked = true;
    this.#emit({ type: 'note', message: `The host fetches its data from ${this.#url} itself.` });
  }

  #failed(cause: unknown): void {
    this.#failures += 1;
    if (this.#failures < maxFailures || Date.now() < this.#offUntilMs) return;
    this.#offUntilMs = Date.now() + pauseMs;
    if (this.#isTold) return;
    this.#isTold = true;
    const why = reasonOf(cause);
    const message = `The host cannot fetch data from ${this.#url} itself (${why}): they come through this machine.`;
    this.#emit({ type: 'note', message });
  }
}

async function fetchRange(link: string, offset: number, whole: Buffer): Promise<void> {
  const control = new AbortController();
  const silence = setTimeout(() => control.abort(new Error('no answer')), idleTimeoutMs);
  try {
    const { status, body } = await fetch(link, {
      headers: { range: `bytes=${offset}-${offset + whole.length - 1}` },
      redirect: 'error',
      signal: control.signal,
    });
    if (status !== 206 || body === null) {
      await body?.cancel();
      throw new Error(`HTTP status ${status}`);
    }
    let filledBytes = 0;
    for await (const piece of body) {
      silence.refresh();
      if (filledBytes + piece.length > whole.length) throw new Error('more came than was asked for');
      whole.set(piece, filledBytes);
      filledBytes += piece.length;
    }
    if (filledBytes < whole.length) throw new Error('less came than was asked for');
  } finally {
    clearTimeout(silence);
  }
}

/** Without the link, which is secret: what failed is told by code or by words of ours. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code;
  return cause instanceof Error && !/https?:/.test(cause.message) ? cause.message : 'it failed';
}
