import { damaged } from '../document.ts';
import type { BlobConsumer } from '../open-pool.ts';
import { isOfTheFile, type ReadBlob } from '../read-blobs.ts';
import type { BlobOrder, BlobOutcomes } from '../reader.ts';
import type { BlobType, Id } from '../types.ts';
import { OrderRun, type FailedOrder } from './order-run.ts';
import type { Crew } from './crew.ts';
import { asRelocateError, noneIsLeft, withUrl } from './errors.ts';
import type { Member } from './member.ts';

/**
 * Reads from the first copy that can give what is asked for. One that lost or damaged a file is asked again for the
 * next blob; one that is out of reach is given up. The person hears once of each file that is damaged.
 */
export class Fallback {
  readonly #crew: Crew;
  #indexes: Promise<unknown> | undefined;
  readonly #told = new Set<string>();

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  /**
   * Before anything is read every copy must know what it has: lengths of blobs are asked for at once, and one copy may
   * know what another one lost. One whose index is damaged or out of reach shows when it is asked for blobs.
   */
  async loadIndexes(): Promise<void> {
    this.#indexes ??= Promise.allSettled(this.#crew.living.map((member) => member.loadIndex()));
    await this.#indexes;
  }

  async loadBlob(type: BlobType, id: Id): Promise<Buffer> {
    await this.loadIndexes();
    const failed: { member: Member; error: unknown }[] = [];
    const lacking: Member[] = [];
    for (const member of this.#crew.living) {
      try {
        await member.loadIndex();
        const blob = await member.run(async (repository) =>
          repository.hasBlob(type, id) ? repository.loadBlob(type, id) : undefined,
        );
        if (blob === undefined) {
          lacking.push(member);
          continue;
        }
        for (const { member, error } of failed) this.#tellDamage(member, error);
        for (const member of lacking) this.#tellLack(member);
        return blob;
      } catch (error) {
        if (!isOfTheFile(error)) this.#crew.giveUp(member, error);
        failed.push({ member, error });
      }
    }
    this.#crew.assertSome();
    throw failed[0]?.error ?? damaged(`blob ${id.slice(0, 8)}, which no index knows,`);
  }

  /** Pack by pack from the first copy that has most of it; what that one cannot give, blob by blob from the others. */
  async *loadBlobs(
    type: BlobType,
    ids: Iterable<Id>,
    signal?: AbortSignal,
  ): AsyncGenerator<ReadBlob, void, void> {
    await this.loadIndexes();
    const open = new Set(ids);
    for (const member of this.#crew.living) {
      if (open.size === 0) return;
      try {
        await member.loadIndex();
        const { repository } = member;
        if (repository === undefined) continue;
        const here = [...open].filter((id) => repository.hasBlob(type, id));
        if (here.length < open.size) this.#tellLack(member);
        for await (const blob of repository.loadBlobs(type, here, signal)) {
          open.delete(blob.id);
          yield 'error' in blob ? await this.#fromAnother(type, blob.id) : blob;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (isOfTheFile(error)) this.#tellDamage(member, error);
        else this.#crew.giveUp(member, error);
      }
    }
    this.#crew.assertSome();
    for (const id of open) yield await this.#fromAnother(type, id);
  }

  /** All from the first copy; what that one cannot give, from the next. Works must be objects, each for one order. */
  async consumeBlobs<Work, Result>(
    type: BlobType,
    orders: AsyncIterable<readonly BlobOrder<Work>[]>,
    consumer: BlobConsumer<Work, Result>,
    outcomes: BlobOutcomes<Work, Result>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.loadIndexes();
    const source = orders[Symbol.asyncIterator]();
    let failed: FailedOrder<Work>[] | undefined;
    let problem: unknown;
    try {
      for (const member of this.#crew.living) {
        try {
          await member.loadIndex();
        } catch (error) {
          problem ??= error;
          if (isOfTheFile(error)) this.#tellDamage(member, error);
          else this.#crew.giveUp(member, error);
          continue;
        }
        const run = new OrderRun(member, source, failed ?? [], {
          done: (work, result: Result, earlier) => {
            this.#tellReasons(type, earlier);
            outcomes.done(work, result);
          },
          outOfReach: (error) => this.#crew.giveUp(member, error),
        });
        failed = await run.consume(type, consumer, signal);
        if (failed.length === 0 && member.isLiving) return;
      }
      this.#crew.assertSome();
      if (failed === undefined) throw problem ?? noneIsLeft(this.#crew.members);
      for (const { order, reasons } of failed) outcomes.failed(order.work, reasons[0]?.error);
    } finally {
      await source.return?.();
    }
  }

  #tellReasons<Work>(type: BlobType, failed: FailedOrder<Work> | undefined): void {
    if (failed === undefined) return;
    for (const { member, error } of failed.reasons) {
      if (member.repository?.hasBlob(type, failed.order.id) === false) this.#tellLack(member);
      else this.#tellDamage(member, error);
    }
  }

  async #fromAnother(type: BlobType, id: Id): Promise<ReadBlob> {
    try {
      return { id, bytes: await this.loadBlob(type, id) };
    } catch (error) {
      if (isOfTheFile(error)) return { id, error };
      throw error;
    }
  }

  #tellDamage(member: Member, error: unknown): void {
    if (!isOfTheFile(error)) return;
    const { message, facts } = asRelocateError(error);
    const where = String(facts['pack'] ?? message);
    this.#tell('copy-damaged', member, where, withUrl(member.url, message));
  }

  #tellLack(member: Member): void {
    const message = `${member.url} lacks some of what is asked for. Bring it up to date with: relocate copy —`;
    this.#tell('copy-incomplete', member, '', message);
  }

  #tell(code: string, { url }: Member, what: string, message: string): void {
    const key = `${code} ${url} ${what}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#crew.emit({
      type: 'warning',
      code,
      message: `${message} It is read from another copy.`,
      item: url,
    });
  }
}
