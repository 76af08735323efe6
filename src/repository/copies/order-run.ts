import type { BlobConsumer } from '../open-pool.ts';
import { isOfTheFile } from '../read-blobs.ts';
import type { BlobOrder } from '../reader.ts';
import type { BlobType, Id } from '../types.ts';
import type { Member } from './member.ts';

/** Something wanted that some copies could not give, and why. */
export interface FailedOrder<Work> {
  order: BlobOrder<Work>;
  reasons: { member: Member; error: unknown }[];
}

interface Handlers<Work, Result> {
  /** `earlier`: what other copies had to say of it. */
  done: (work: Work, result: Result, earlier: FailedOrder<Work> | undefined) => void;
  outOfReach: (error: unknown) => void;
}

/**
 * Orders of blobs as one copy carries them out: first those that the copies before it could not, then what else is
 * ordered. When the copy is given up meanwhile it stops at once, and no order is lost: it is as good as failed, or it
 * was not taken from the source yet.
 */
export class OrderRun<Work, Result> {
  readonly #member: Member;
  readonly #source: AsyncIterator<readonly BlobOrder<Work>[]>;
  readonly #earlier: Map<Work, FailedOrder<Work>>;
  readonly #handlers: Handlers<Work, Result>;
  /** What was handed to the copy and is neither done nor failed. */
  readonly #open = new Map<Work, Id>();
  readonly #failed: FailedOrder<Work>[] = [];
  #sourceFailed = false;

  constructor(
    member: Member,
    source: AsyncIterator<readonly BlobOrder<Work>[]>,
    earlier: readonly FailedOrder<Work>[],
    handlers: Handlers<Work, Result>,
  ) {
    this.#member = member;
    this.#source = source;
    this.#earlier = new Map(earlier.map((one) => [one.order.work, one]));
    this.#handlers = handlers;
  }

  /** Gives what this copy could not do. */
  async consume(
    type: BlobType,
    consumer: BlobConsumer<Work, Result>,
    signal: AbortSignal | undefined,
  ): Promise<FailedOrder<Work>[]> {
    const { repository, gone } = this.#member;
    const either = signal === undefined ? gone : AbortSignal.any([signal, gone]);
    const outcomes = {
      done: (work: Work, result: Result) => {
        this.#open.delete(work);
        this.#handlers.done(work, result, this.#earlier.get(work));
      },
      failed: (work: Work, error: unknown) => this.#fail(work, error),
    };
    try {
      await repository?.consumeBlobs(type, this.#orders(), consumer, outcomes, either);
    } catch (error) {
      signal?.throwIfAborted();
      if (!gone.aborted || this.#sourceFailed) throw error;
    }
    for (const work of this.#open.keys()) this.#fail(work, this.#member.failure);
    return this.#failed;
  }

  async *#orders(): AsyncGenerator<readonly BlobOrder<Work>[], void, void> {
    const before = [...this.#earlier.values()].map(({ order }) => order);
    if (before.length > 0) yield this.#handOut(before);
    // Not `for await`: a copy that stops half-way must not end the source, from which the next one goes on.
    for (;;) {
      const turn = await this.#next();
      if (turn.done === true) return;
      yield this.#handOut(turn.value);
    }
  }

  async #next(): Promise<IteratorResult<readonly BlobOrder<Work>[]>> {
    try {
      return await this.#source.next();
    } catch (error) {
      this.#sourceFailed = true;
      throw error;
    }
  }

  #handOut(orders: readonly BlobOrder<Work>[]): readonly BlobOrder<Work>[] {
    for (const { id, work } of orders) this.#open.set(work, id);
    return orders;
  }

  #fail(work: Work, error: unknown): void {
    const id = this.#open.get(work) ?? '';
    this.#open.delete(work);
    const reasons = [...(this.#earlier.get(work)?.reasons ?? []), { member: this.#member, error }];
    this.#failed.push({ order: { id, work }, reasons });
    if (!isOfTheFile(error) && !this.#member.gone.aborted) this.#handlers.outOfReach(error);
  }
}
