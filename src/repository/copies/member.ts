import { RelocateError } from '../../errors.ts';
import type { Repository, RepositoryCopy, RepositoryKey } from '../repository.ts';
import type { Id } from '../types.ts';

/** Where a copy lies, and how it is opened. */
export interface CopyPlace {
  url: string;
  /** Once the signal aborts, the copy was given up: nothing there is worth a second attempt. */
  open(signal: AbortSignal): Promise<Repository>;
}

/** One of several copies, from before it is opened until after it was given up. */
export class Member implements RepositoryCopy {
  readonly url: string;
  savedSnapshot: Id | undefined;
  #repository: Repository | undefined;
  #failure: RelocateError | undefined;
  #index: Promise<void> | undefined;
  readonly #gone = new AbortController();
  /** Those who wait for it. One that never answers must not hold up the others once it was given up. */
  readonly #waiting = new Set<(error: unknown) => void>();

  constructor(url: string) {
    this.url = url;
  }

  get repository(): Repository | undefined {
    return this.#repository;
  }

  get key(): RepositoryKey | undefined {
    return this.#repository?.copies[0]?.key;
  }

  get failure(): RelocateError | undefined {
    return this.#failure;
  }

  get isLiving(): boolean {
    return this.#repository !== undefined && this.#failure === undefined;
  }

  /** Aborts when the copy is given up. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  async open(place: CopyPlace): Promise<void> {
    this.#repository = await place.open(this.#gone.signal);
  }

  /** Once it resolves, the copy knows what it has. */
  loadIndex(): Promise<void> {
    this.#index ??= this.run((repository) => repository.loadIndex());
    return this.#index;
  }

  /** What is asked of it; rejects at once when it is given up meanwhile, by whomever. */
  run<T>(work: (repository: Repository) => Promise<T>): Promise<T> {
    const repository = this.#repository;
    if (repository === undefined || this.#failure !== undefined) {
      return Promise.reject(this.#failure ?? new RelocateError('internal', `${this.url} is not open.`));
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      work(repository)
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** Gives it up, for the rest of the run. */
  fail(failure: RelocateError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#gone.abort(failure);
    for (const reject of this.#waiting) reject(failure);
    this.#waiting.clear();
  }
}
